"""Pure functions from feature rows to numbers, float64 inside."""

from synthaug.metrics.distances import frechet_distance, kid
from synthaug.metrics.neighbours import (
    Support,
    birthday_support,
    density_coverage,
    euclidean,
    mean_pairwise_distance,
    nearest,
    precision_recall,
)
from synthaug.metrics.probabilities import inception_score

__all__ = [
    "Support",
    "birthday_support",
    "density_coverage",
    "euclidean",
    "frechet_distance",
    "inception_score",
    "kid",
    "mean_pairwise_distance",
    "nearest",
    "precision_recall",
]
