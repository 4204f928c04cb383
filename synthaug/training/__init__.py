"""The one training loop, what it is made of, and what it leaves.

Names are loaded when they are first used: progress alone brings no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthaug.training.budget import Budget as Budget
    from synthaug.training.budget import parse_budget as parse_budget
    from synthaug.training.classifier import Classifier as Classifier
    from synthaug.training.fitting import Fitted as Fitted
    from synthaug.training.fitting import Look as Look
    from synthaug.training.fitting import Seen as Seen
    from synthaug.training.fitting import Weights as Weights
    from synthaug.training.fitting import calibrate as calibrate
    from synthaug.training.fitting import fit as fit
    from synthaug.training.fitting import stopping as stopping
    from synthaug.training.generator import Generator as Generator
    from synthaug.training.loop import Run as Run
    from synthaug.training.loop import Trainer as Trainer
    from synthaug.training.progress import Callback as Callback
    from synthaug.training.progress import Progress as Progress
    from synthaug.training.progress import TensorBoard as TensorBoard
    from synthaug.training.progress import WeightsAndBiases as WeightsAndBiases
    from synthaug.training.progress import tell as tell
    from synthaug.training.routine import Phase as Phase
    from synthaug.training.routine import Player as Player
    from synthaug.training.routine import Routine as Routine
    from synthaug.training.routine import Shape as Shape
    from synthaug.training.routine import Term as Term
    from synthaug.training.step import Step as Step
    from synthaug.training.translator import SideFacts as SideFacts
    from synthaug.training.translator import Translator as Translator

_HOME = {
    "Budget": "budget",
    "Callback": "progress",
    "Classifier": "classifier",
    "Fitted": "fitting",
    "Generator": "generator",
    "Look": "fitting",
    "Phase": "routine",
    "Player": "routine",
    "Progress": "progress",
    "Routine": "routine",
    "Run": "loop",
    "Seen": "fitting",
    "Shape": "routine",
    "SideFacts": "translator",
    "Step": "step",
    "TensorBoard": "progress",
    "Term": "routine",
    "Trainer": "loop",
    "Translator": "translator",
    "Weights": "fitting",
    "WeightsAndBiases": "progress",
    "calibrate": "fitting",
    "fit": "fitting",
    "parse_budget": "budget",
    "stopping": "fitting",
    "tell": "progress",
}

__all__ = [
    "Budget",
    "Callback",
    "Classifier",
    "Fitted",
    "Generator",
    "Look",
    "Phase",
    "Player",
    "Progress",
    "Routine",
    "Run",
    "Seen",
    "Shape",
    "SideFacts",
    "Step",
    "TensorBoard",
    "Term",
    "Trainer",
    "Translator",
    "Weights",
    "WeightsAndBiases",
    "calibrate",
    "fit",
    "parse_budget",
    "stopping",
    "tell",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'synthaug.training' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"synthaug.training.{_HOME[name]}"), name)
    globals()[name] = value
    return value
