"""The one training loop, what it is made of, and what it leaves."""

from synthaug.training.budget import Budget, parse_budget
from synthaug.training.fitting import Fitted, Seen, Weights, calibrate, fit, stopping
from synthaug.training.generator import Generator
from synthaug.training.loop import Run, Trainer
from synthaug.training.progress import Callback, Progress, TensorBoard, WeightsAndBiases, tell
from synthaug.training.routine import Phase, Player, Routine, Shape, Term
from synthaug.training.step import Step

__all__ = [
    "Budget",
    "Callback",
    "Fitted",
    "Generator",
    "Phase",
    "Player",
    "Progress",
    "Routine",
    "Run",
    "Seen",
    "Shape",
    "Step",
    "TensorBoard",
    "Term",
    "Trainer",
    "Weights",
    "WeightsAndBiases",
    "calibrate",
    "fit",
    "parse_budget",
    "stopping",
    "tell",
]
