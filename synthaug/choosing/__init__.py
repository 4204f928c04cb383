"""Which remedy for the rare classes to hand over, by cross-validation on real images."""

from synthaug.choosing.choice import Choice, Comparison, choose
from synthaug.choosing.effort import Effort, effort_for

__all__ = ["Choice", "Comparison", "Effort", "choose", "effort_for"]
