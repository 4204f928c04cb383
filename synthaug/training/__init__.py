"""The one training loop, what it is made of, and what it leaves."""

from synthaug.training.budget import Budget, parse_budget
from synthaug.training.fitting import Fitted, calibrate, fit, stopping
from synthaug.training.generator import Generator
from synthaug.training.loop import Run, Trainer
from synthaug.training.progress import Callback, Progress, TensorBoard, WeightsAndBiases, tell
from synthaug.training.recipe import Phase, Player, Recipe, Shape, Term
from synthaug.training.step import Step

__all__ = [
    "Budget",
    "Callback",
    "Fitted",
    "Generator",
    "Phase",
    "Player",
    "Progress",
    "Recipe",
    "Run",
    "Shape",
    "Step",
    "TensorBoard",
    "Term",
    "Trainer",
    "WeightsAndBiases",
    "calibrate",
    "fit",
    "parse_budget",
    "stopping",
    "tell",
]
