"""Two generators of their time, written plainly, to measure ours against.

`dcgan`: conditional DCGAN (Radford et al. 2016; Mirza and Osindero 2014) with projection in
the discriminator, class-balanced sampling and DiffAugment (Zhao et al. 2020).
`cgan_pd`: SNGAN with projection discriminator and hinge loss (Miyato et al. 2018; Miyato and
Koyama 2018), the 32 px ResNets and settings that torch-mimicry made known: 256 channels,
five discriminator steps to one of the generator, conditional batch norm.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from synthaug.diffaug import DiffAugment


class DCGenerator(nn.Module):
    def __init__(self, classes: int, channels: int, resolution: int, width: int = 64) -> None:
        super().__init__()
        self.z_dim = 64
        self.embedding = nn.Embedding(classes, 64)
        doublings = int(math.log2(resolution)) - 2
        widths = [width * 2 ** min(i, 2) for i in reversed(range(doublings))]
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(128, widths[0], 4, 1, 0, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
        ]
        for before, after in pairwise(widths):
            layers += [
                nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
        layers += [nn.ConvTranspose2d(widths[-1], channels, 4, 2, 1), nn.Tanh()]
        self.net = nn.Sequential(*layers)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        return self.net(torch.cat([z, self.embedding(labels)], 1)[:, :, None, None])


class DCDiscriminator(nn.Module):
    def __init__(self, classes: int, channels: int, resolution: int, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = channels
        for i in range(int(math.log2(resolution)) - 2):
            after = width * 2 ** min(i, 2)
            layers.append(nn.Conv2d(before, after, 4, 2, 1, bias=i == 0))
            if i:
                layers.append(nn.BatchNorm2d(after))
            layers.append(nn.LeakyReLU(0.2))
            before = after
        self.net = nn.Sequential(*layers)
        self.out = nn.Linear(before * 16, 1)
        self.embedding = nn.Embedding(classes, before * 16)
        nn.init.normal_(self.embedding.weight, 0, 0.02)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        x = self.net(images).flatten(1)
        return self.out(x)[:, 0] + (x * self.embedding(labels)).sum(1)


class ConditionalBatchNorm(nn.Module):
    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(features, affine=False)
        self.scale = nn.Embedding(classes, features)
        self.shift = nn.Embedding(classes, features)
        nn.init.ones_(self.scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        scale, shift = self.scale(labels), self.shift(labels)
        return self.norm(x) * scale[:, :, None, None] + shift[:, :, None, None]


class GeneratorBlock(nn.Module):
    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([ConditionalBatchNorm(width, classes) for _ in range(2)])
        self.convs = nn.ModuleList([nn.Conv2d(width, width, 3, 1, 1) for _ in range(2)])
        self.skip = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        y = F.interpolate(F.relu(self.norms[0](x, labels)), scale_factor=2)
        y = self.convs[1](F.relu(self.norms[1](self.convs[0](y), labels)))
        return y + self.skip(F.interpolate(x, scale_factor=2))


class PDGenerator(nn.Module):
    def __init__(self, classes: int, channels: int, resolution: int, width: int = 256) -> None:
        super().__init__()
        self.z_dim = 128
        self.width = width
        self.start = nn.Linear(self.z_dim, 16 * width)
        doublings = int(math.log2(resolution)) - 2
        self.blocks = nn.ModuleList([GeneratorBlock(width, classes) for _ in range(doublings)])
        self.norm = nn.BatchNorm2d(width)
        self.out = nn.Conv2d(width, channels, 3, 1, 1)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        x = self.start(z).view(-1, self.width, 4, 4)
        for block in self.blocks:
            x = block(x, labels)
        return torch.tanh(self.out(F.relu(self.norm(x))))


class DiscriminatorBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, *, down: bool, first: bool = False) -> None:
        super().__init__()
        self.first, self.down = first, down
        self.one = spectral_norm(nn.Conv2d(inputs, outputs, 3, 1, 1))
        self.two = spectral_norm(nn.Conv2d(outputs, outputs, 3, 1, 1))
        needs = inputs != outputs or down
        self.skip = spectral_norm(nn.Conv2d(inputs, outputs, 1)) if needs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.two(F.relu(self.one(x if self.first else F.relu(x))))
        x = self.skip(x)
        return F.avg_pool2d(x + y, 2) if self.down else x + y


class PDDiscriminator(nn.Module):
    def __init__(self, classes: int, channels: int, resolution: int, width: int = 128) -> None:
        super().__init__()
        halvings = int(math.log2(resolution)) - 3
        blocks = [DiscriminatorBlock(channels, width, down=True, first=True)]
        blocks += [
            DiscriminatorBlock(width, width, down=i < halvings - 1) for i in range(halvings + 1)
        ]
        self.blocks = nn.Sequential(*blocks)
        self.out = spectral_norm(nn.Linear(width, 1))
        self.embedding = spectral_norm(nn.Embedding(classes, width))

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        x = F.relu(self.blocks(images)).sum((2, 3))
        return self.out(x)[:, 0] + (x * self.embedding(labels)).sum(1)


class Baseline:
    """A baseline in training; `run` yields after every stretch of CPU seconds."""

    def __init__(self, kind: str, images: Tensor, labels: np.ndarray, *, seed: int) -> None:
        torch.manual_seed(seed)
        classes, shape = int(labels.max()) + 1, (images.shape[1], images.shape[2])
        self.kind, self.images, self.labels = kind, images, torch.from_numpy(labels)
        self.rng = np.random.default_rng(seed)
        self.source = torch.Generator().manual_seed(seed)
        counts = np.bincount(labels)
        balanced = (1 / counts)[labels]
        self.cumulative = np.cumsum(balanced / balanced.sum())
        self.seen, self.seconds = 0, 0.0
        if kind == "dcgan":
            nets: tuple[nn.Module, nn.Module] = (
                DCGenerator(classes, *shape),
                DCDiscriminator(classes, *shape),
            )
            rate, betas, self.batch, self.repeats = 2e-4, (0.5, 0.999), 32, 1
        else:
            nets = PDGenerator(classes, *shape), PDDiscriminator(classes, *shape)
            rate, betas, self.batch, self.repeats = 2e-4, (0.0, 0.9), 64, 5
        self.generator, self.discriminator = (
            net.to(memory_format=torch.channels_last) for net in nets
        )
        self.optimizers = [torch.optim.Adam(net.parameters(), rate, betas) for net in nets]

    def run(self, stops: list[float]) -> Iterator[float]:
        """Train; yields each of ``stops`` (CPU seconds) when it is reached."""
        for stop in stops:
            started, before = time.process_time(), self.seconds
            while self.seconds < stop:
                self._step()
                self.seconds = before + time.process_time() - started
            yield stop

    def sample(self, labels: np.ndarray, seed: int) -> Tensor:
        source = torch.Generator().manual_seed(seed)
        # With a batch's own statistics a batch of one class would lose what tells it its class.
        self.generator.eval()
        out = []
        with torch.no_grad():
            for part in torch.from_numpy(labels).split(100):
                z = torch.randn(len(part), self.generator.z_dim, generator=source)
                out.append(self.generator(z, part))
        self.generator.train()
        return (torch.cat(out) + 1).mul(127.5).round().clamp(0, 255).to(torch.uint8)

    def save(self, file: Path) -> None:
        """Keep everything that is needed to go on."""
        torch.save(
            {
                "networks": [self.generator.state_dict(), self.discriminator.state_dict()],
                "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
                "draws": self.rng.bit_generator.state,
                "noise": self.source.get_state(),
                "spent": (self.seen, self.seconds),
            },
            file,
        )

    def restore(self, file: Path) -> None:
        """Go on where `save` stopped."""
        kept = torch.load(file, weights_only=True)
        for network, state in zip(
            (self.generator, self.discriminator), kept["networks"], strict=True
        ):
            network.load_state_dict(state)
        for optimizer, state in zip(self.optimizers, kept["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self.rng.bit_generator.state = kept["draws"]
        self.source.set_state(kept["noise"])
        self.seen, self.seconds = kept["spent"]

    def _draw(self) -> tuple[Tensor, Tensor]:
        at = np.searchsorted(self.cumulative, self.rng.random(self.batch))
        at = np.minimum(at, len(self.labels) - 1)
        return self.images[at].float() / 127.5 - 1, self.labels[at]

    def _step(self) -> None:
        augment = DiffAugment() if self.kind == "dcgan" else None

        def shown(images: Tensor) -> Tensor:
            return augment(images, self.source) if augment else images

        def logits(images: Tensor, labels: Tensor) -> Tensor:
            return self.discriminator(shown(images), labels)

        for _ in range(self.repeats):
            real, labels = self._draw()
            z = torch.randn(self.batch, self.generator.z_dim, generator=self.source)
            fake = self.generator(z, labels)
            on_real, on_fake = logits(real, labels), logits(fake.detach(), labels)
            if self.kind == "dcgan":
                loss = F.softplus(-on_real).mean() + F.softplus(on_fake).mean()
            else:
                loss = F.relu(1 - on_real).mean() + F.relu(1 + on_fake).mean()
            self._move(1, loss)
            self.seen += self.batch
        on_fake = logits(fake, labels)
        self._move(0, F.softplus(-on_fake).mean() if self.kind == "dcgan" else -on_fake.mean())

    def _move(self, who: int, loss: Tensor) -> None:
        self.optimizers[who].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers[who].step()
