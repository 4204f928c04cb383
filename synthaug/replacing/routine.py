"""How the face generator is trained: a routine for the project's loop."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from synthaug.faces.openness import OPENNESS_FILE
from synthaug.networks.efficientnet import load_efficientnet_lite0
from synthaug.networks.faces import FaceCritic, FaceGenerator, FaceModel, FaceReader, OpennessReader
from synthaug.replacing.game import FaceGame
from synthaug.replacing.network_rung import OURS
from synthaug.training import Phase, Player, Routine, Shape, Term
from synthaug.training.routine import flat_then_cosine
from synthaug.weights.kept import read_network

__all__ = ["READER_FILE", "face_routine"]

READER_FILE = "reader.safetensors"


def face_routine(model: FaceModel, *, batch_size: int = 16, rate: float = 1.5e-4) -> Routine:
    """A generator that refines a statistical face, against a patch critic.

    Args:
        model: the statistical face it starts from.
        batch_size: crops a step.
        rate: Adam's step size, of both.

    Source: Isola, Zhu, Zhou, Efros 2017; Karras et al. 2020; Huang et al. 2024. Differs: half
    of each batch has latents that describe its own faces, which the generator must give back;
    that holds the latent's meaning where a distance alone would teach to ignore it.
    """
    game = FaceGame()
    adam: dict[str, Any] = {
        "learning_rate": rate, "betas": (0.0, 0.99), "schedule": flat_then_cosine(0.5),
    }  # fmt: skip
    discriminator = Player(
        "discriminator", ("discriminator",),
        (Term("patches", game.discriminator), Term("r1", game.slope, weight=3.0, every=16)),
        **adam,
    )  # fmt: skip
    generator = Player(
        "generator", ("generator",),
        (
            Term("patches", game.generator, weight=0.5),
            # From likeness to plausibility: only what lies around the oval stays bound.
            Term("distance", game.distance, weight=4.0, schedule=lambda done: 1 - 0.75 * done),
            Term("rim", game.rim, weight=8.0),
            Term("anchor", game.anchor, weight=4.0),
            Term("obeying", game.obeying, weight=3.0),
            Term("expressing", game.expressing, weight=1.0),
            Term("likeness", game.likeness, weight=2.0, every=4),
            Term("ignoring", game.ignoring, weight=1.0, every=8),
        ),
        **adam,
    )  # fmt: skip
    return Routine(
        name="faces",
        summary="A face from its surroundings, conditions and a latent; the face is never seen.",
        source="Isola, Zhu, Zhou, Efros 2017; Karras et al. 2020",
        build=functools.partial(_networks, model=_Given(dict(model.state_dict()))),
        phases=(Phase("faces", 1.0, (discriminator, generator), averaging=0.08),),
        batch_size=batch_size,
        conditional=False,
        attributes="needed",
    )


@dataclasses.dataclass(frozen=True, eq=False)
class _Given:
    """Weights that a routine is built with; the data's hash says which they are."""

    state: Mapping[str, Tensor] = dataclasses.field(repr=False)


def _networks(shape: Shape, *, model: _Given) -> dict[str, nn.Module]:
    generator = FaceGenerator(shape.resolution)
    generator.model.load_state_dict(model.state)
    return {
        "generator": generator,
        "discriminator": FaceCritic(shape.resolution),
        "eyes": load_efficientnet_lite0(),
        "lids": read_network(OPENNESS_FILE, {"openness reader": OpennessReader})[0],
        "reader": read_network(OURS / READER_FILE, {"face reader": FaceReader})[0],
    }
