"""The losses as their papers write them, in float64 and with logarithms, for small logits."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, float)))


def entropy(logits, target):
    """Binary cross-entropy of sigmoid(logits) against one target."""
    d = sigmoid(logits)
    return float(np.mean(-target * np.log(d) - (1 - target) * np.log(1 - d)))


def minimax(real, fake, label=1.0):
    value = np.mean(np.log(1 - sigmoid(fake)))
    return entropy(real, label) + entropy(fake, 0.0), value


def non_saturating(real, fake, label=1.0):
    return minimax(real, fake, label)[0], -np.mean(np.log(sigmoid(fake)))


def least_squares(real, fake, label=1.0):
    real, fake = np.asarray(real), np.asarray(fake)
    d = 0.5 * np.mean((real - label) ** 2) + 0.5 * np.mean(fake**2)
    return d, 0.5 * np.mean((fake - 1) ** 2)


def wasserstein(real, fake):
    return -(np.mean(real) - np.mean(fake)), -np.mean(fake)


def hinge(real, fake):
    d = [max(0.0, 1 - r) for r in real] + [max(0.0, 1 + f) for f in fake]
    return sum(d) / len(real), -np.mean(fake)


def relativistic(real, fake):
    apart = np.asarray(real) - np.asarray(fake)
    return -np.mean(np.log(sigmoid(apart))), -np.mean(np.log(sigmoid(-apart)))


class Quadratic:
    """The critic f(x) = x·Ax / 2 + b·x + c, and penalties on its slope."""

    def __init__(self, a, b, c):
        self.a, self.b, self.c = a, b, c

    def value(self, x):
        return 0.5 * x @ self.a @ x + self.b @ x + self.c

    def slope(self, x):
        return 0.5 * (self.a + self.a.T) @ x + self.b

    def squared_slope(self, xs):
        return float(np.mean([0.5 * self.slope(x) @ self.slope(x) for x in xs]))

    def distance_from_one(self, xs):
        return float(np.mean([(np.linalg.norm(self.slope(x)) - 1) ** 2 for x in xs]))

    def noise(self, real, fake):
        on_real = [
            ((1 - sigmoid(self.value(x))) ** 2) * self.slope(x) @ self.slope(x) for x in real
        ]
        on_fake = [(sigmoid(self.value(x)) ** 2) * self.slope(x) @ self.slope(x) for x in fake]
        return 0.5 * float(np.mean(on_real) + np.mean(on_fake))


def unrolled(u, psi, *, steps, rate):
    """Generator's loss of the Dirac-GAN: D(x) = psi x, real at 0, fake at u."""
    for _ in range(steps):
        psi = psi - rate * sigmoid(psi * u) * u
    return float(-np.log(sigmoid(psi * u)))


def moving_average(values, decay):
    kept = 0.0
    for value in values:
        kept = decay * kept + (1 - decay) * value
    return kept
