"""Which remedy for the rare classes to hand over, by cross-validation on real images."""

from synthaug.choosing.choice import Choice, choose
from synthaug.choosing.effort import Effort, effort_for
from synthaug.choosing.evidence import Comparison

__all__ = ["Choice", "Comparison", "Effort", "choose", "effort_for"]
