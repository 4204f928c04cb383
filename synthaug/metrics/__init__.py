"""Pure functions from feature rows to numbers, float64 inside."""

from synthaug.metrics.distances import (
    frechet_distance,
    frechet_of_products,
    kid,
    kid_of_products,
)
from synthaug.metrics.neighbours import (
    Support,
    birthday_support,
    density_coverage,
    euclidean,
    mean_pairwise_distance,
    nearest,
    precision_recall,
    support_of_collisions,
)
from synthaug.metrics.probabilities import inception_score

__all__ = [
    "Support",
    "birthday_support",
    "density_coverage",
    "euclidean",
    "frechet_distance",
    "frechet_of_products",
    "inception_score",
    "kid",
    "kid_of_products",
    "mean_pairwise_distance",
    "nearest",
    "precision_recall",
    "support_of_collisions",
]
