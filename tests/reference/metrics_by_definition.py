"""Slow, literal rewrites of the metrics, sharing nothing with synthaug.metrics."""

import math

import numpy as np
from scipy import linalg


def frechet(a, b):
    ca, cb = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    ca, cb = np.atleast_2d(ca), np.atleast_2d(cb)
    if min(len(a), len(b)) > 2 * a.shape[1]:
        trace = np.trace(np.real(linalg.sqrtm(ca @ cb)))
    else:  # singular: no root of the matrix, but the roots of its eigenvalues
        trace = np.sqrt(np.clip(np.real(linalg.eigvals(ca @ cb)), 0, None)).sum()
    shift = a.mean(0) - b.mean(0)
    return float(shift @ shift + np.trace(ca) + np.trace(cb) - 2 * trace)


def kid(a, b):
    d = a.shape[1]

    def k(x, y):
        return (float(np.dot(x, y)) / d + 1) ** 3

    n, m = len(a), len(b)
    aa = sum(k(a[i], a[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    bb = sum(k(b[i], b[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    ab = sum(k(x, y) for x in a for y in b) / (n * m)
    return aa + bb - 2 * ab


def balls(x, k):
    return [sorted(math.dist(p, q) for q in x)[k] for p in x]


def precision_recall(real, fake, k):
    real_balls, fake_balls = balls(real, k), balls(fake, k)
    slack = 1 + 1e-9
    precision = np.mean(
        [
            any(math.dist(f, r) <= s * slack for r, s in zip(real, real_balls, strict=True))
            for f in fake
        ]
    )
    recall = np.mean(
        [
            any(math.dist(f, r) <= s * slack for f, s in zip(fake, fake_balls, strict=True))
            for r in real
        ]
    )
    return precision, recall


def density_coverage(real, fake, k):
    real_balls = balls(real, k)
    slack = 1 + 1e-9
    hits = [
        [math.dist(f, r) <= s * slack for f in fake] for r, s in zip(real, real_balls, strict=True)
    ]
    return np.sum(hits) / (k * len(fake)), np.mean([any(row) for row in hits])


def inception_score(p):
    n, k = len(p), len(p[0])
    marginal = [sum(row[c] for row in p) / n for c in range(k)]
    total = 0.0
    for row in p:
        total += sum(row[c] * math.log(row[c] / marginal[c]) for c in range(k) if row[c] > 0)
    return math.exp(total / n)


def birthday_batch(x, threshold, draws, rng):
    """Batches drawn afresh for every size, as in the paper, until half of them hold a pair."""
    for size in range(2, len(x) + 1):
        met = 0
        for _ in range(draws):
            batch = [x[i] for i in rng.choice(len(x), size, replace=False)]
            pairs = ((p, q) for i, p in enumerate(batch) for q in batch[:i])
            met += any(math.dist(p, q) <= threshold for p, q in pairs)
        if met >= draws / 2:
            return size
    return None


def duplicate_threshold(real, groups):
    nearest = []
    for i, p in enumerate(real):
        others = [math.dist(p, q) for j, q in enumerate(real) if groups[i] != groups[j]]
        nearest += [min(others)] if others else []
    nearest.sort()
    place = 0.05 * (len(nearest) - 1)
    low = int(place)
    high = min(low + 1, len(nearest) - 1)
    return (nearest[low] + (place - low) * (nearest[high] - nearest[low])) / 2
