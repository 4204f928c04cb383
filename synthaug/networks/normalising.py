"""Normalisation of feature maps: by pixel, by style, and by a fixed reference batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from synthaug.networks.answer import Answer
from synthaug.networks.critic import Critic

__all__ = ["AdaptiveInstanceNorm", "PixelNorm", "Reference", "Referenced", "VirtualBatchNorm"]


class PixelNorm(nn.Module):
    """Every pixel's feature vector at unit mean square.

    Source: Karras, Aila, Laine, Lehtinen 2018, "Progressive Growing of GANs", section 4.2.
    Differs: none.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Float (N, C, ...) of the shape of ``x``, divided by its root mean square over C."""
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


class AdaptiveInstanceNorm(nn.Module):
    """AdaIN: each channel of each image gets the mean and standard deviation its style says.

    Args:
        channels: of the feature maps.
        w_dim: style dimensions.

    Source: Karras, Laine, Aila 2019, "A Style-Based Generator Architecture", equation 1.
    Differs: none; the scale is learnt as its distance from 1, as in the authors' code.
    """

    def __init__(self, channels: int, w_dim: int) -> None:
        super().__init__()
        self.affine = nn.Linear(w_dim, 2 * channels)

    def told(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """Standard deviation (negative: turned over) and mean, float (N, C), styles ask for."""
        scale, shift = self.affine(w).chunk(2, dim=1)
        return 1 + scale, shift

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Float (N, C, H, W) of maps of the same shape and styles (N, w_dim)."""
        scale, shift = self.told(w)
        variance, mean = torch.var_mean(x.float(), (2, 3), correction=0)
        slope = scale * torch.rsqrt(variance + 1e-8)
        # Two passes over the map in place of four.
        offset = shift - mean * slope
        return torch.addcmul(offset[:, :, None, None], x, slope[:, :, None, None])


class VirtualBatchNorm(nn.Module):
    """Batch normalisation by a reference batch, which comes first in every input.

    Each image is normalised by the statistics of the reference batch and itself, as one more
    member; the reference images by their own alone. No image depends on its batch.

    Args:
        channels: of the feature maps.
        reference: images of the reference batch, n.

    Source: Salimans, Goodfellow, Zaremba, Cheung, Radford, Chen 2016, "Improved Techniques for
    Training GANs", section 3.4. Differs: none.
    """

    def __init__(self, channels: int, reference: int) -> None:
        super().__init__()
        self.reference = reference
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Float (n + N, C, H, W) of maps of the same shape."""
        mean = x.float().mean((2, 3), keepdim=True)
        square = x.float().square().mean((2, 3), keepdim=True)
        n = self.reference
        fixed_mean, fixed_square = (s[:n].mean(0, keepdim=True) for s in (mean, square))
        share = torch.full((len(x), 1, 1, 1), 1 / (n + 1), device=x.device)
        share[:n] = 0
        mean = torch.lerp(fixed_mean.expand_as(mean), mean, share)
        square = torch.lerp(fixed_square.expand_as(square), square, share)
        variance = (square - mean.square()).clamp(min=0)
        slope = self.weight[:, None, None] * torch.rsqrt(variance + 1e-5)
        return torch.addcmul(self.bias[:, None, None] - mean * slope, x, slope)


class Reference(nn.Module):
    """A reference batch in buffers: what a network is shown before every batch.

    Args:
        size: inputs in the batch.
        shape: of one input: ``(z_dim,)`` for generators, ``(C, R, R)`` for discriminators.
        num_attributes: numbers beside the class.
    """

    inputs: Tensor
    labels: Tensor
    attributes: Tensor

    def __init__(self, size: int, shape: tuple[int, ...], num_attributes: int = 0) -> None:
        super().__init__()
        self.size = size
        # Until `keep` is called: something that varies.
        noise = torch.randn(size, *shape, generator=torch.Generator().manual_seed(0))
        self.register_buffer("inputs", noise)
        self.register_buffer("labels", torch.zeros(size, dtype=torch.int64))
        self.register_buffer("attributes", torch.zeros(size, num_attributes))

    def keep(self, inputs: Tensor, labels: Tensor, attributes: Tensor | None = None) -> None:
        """Fix the batch: the first of each that is given, over again where they are few."""
        places = torch.arange(self.size, device=inputs.device)
        self.inputs.copy_(inputs[places % len(inputs)])
        self.labels.copy_(labels[places % len(labels)])
        if attributes is not None:
            self.attributes.copy_(attributes[places % len(attributes)])

    def before(
        self, inputs: Tensor, labels: Tensor, attributes: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Inputs, labels and attributes with those of the reference batch in front."""
        told = None if attributes is None else torch.cat([self.attributes, attributes])
        return (
            torch.cat([self.inputs.to(inputs.dtype), inputs]),
            torch.cat([self.labels, labels]),
            told,
        )


class Referenced(nn.Module):
    """A critic that is shown its reference batch before every batch.

    Args:
        critic: whose trunk normalises with `VirtualBatchNorm`.
        size: images in the reference batch.
        channels: of the images.
        resolution: side of the images.
        num_attributes: numbers beside the class.
    """

    batchwise = False

    def __init__(
        self, critic: Critic, size: int, channels: int, resolution: int, num_attributes: int = 0
    ) -> None:
        super().__init__()
        self.critic = critic
        self.reference = Reference(size, (channels, resolution, resolution), num_attributes)

    def forward(self, images: Tensor, labels: Tensor, attributes: Tensor | None = None) -> Answer:
        """The critic's answer to images (N, C, R, R), each for itself."""
        answer: Answer = self.critic(*self.reference.before(images, labels, attributes))
        size = self.reference.size
        rest = [None if part is None else part[size:] for part in answer[1:]]
        return Answer(answer.realness[size:], *rest)
