"""The one training loop, what it is made of, and what it leaves."""

from synthaug.training.budget import Budget, parse_budget
from synthaug.training.classifier import Classifier
from synthaug.training.fitting import Fitted, Look, Seen, Weights, calibrate, fit, stopping
from synthaug.training.generator import Generator
from synthaug.training.loop import Run, Trainer
from synthaug.training.progress import Callback, Progress, TensorBoard, WeightsAndBiases, tell
from synthaug.training.routine import Phase, Player, Routine, Shape, Term
from synthaug.training.step import Step
from synthaug.training.translator import SideFacts, Translator

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
