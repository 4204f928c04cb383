"""Pure functions from feature rows to numbers, float64 inside."""

from synthaug.metrics.birthday import (
    Birthday,
    Support,
    birthday_batch,
    birthday_of_pairs,
    birthday_support,
    duplicate_threshold,
    support_of_collisions,
)
from synthaug.metrics.distances import (
    frechet_distance,
    frechet_of_products,
    kid,
    kid_of_products,
)
from synthaug.metrics.neighbours import (
    density_coverage,
    euclidean,
    mean_pairwise_distance,
    nearest,
    precision_recall,
)
from synthaug.metrics.probabilities import inception_score, inception_scores
from synthaug.metrics.recognition import hits, hits_by_chance, ranks, true_accepts

__all__ = [
    "Birthday",
    "Support",
    "birthday_batch",
    "birthday_of_pairs",
    "birthday_support",
    "density_coverage",
    "duplicate_threshold",
    "euclidean",
    "frechet_distance",
    "frechet_of_products",
    "hits",
    "hits_by_chance",
    "inception_score",
    "inception_scores",
    "kid",
    "kid_of_products",
    "mean_pairwise_distance",
    "nearest",
    "precision_recall",
    "ranks",
    "support_of_collisions",
    "true_accepts",
]
