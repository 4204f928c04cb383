"""Judge images from any generator: python judge_your_own.py [TRAIN HELDOUT GENERATED]."""

import sys

import numpy as np
from sklearn.datasets import load_digits

import synthaug

if len(sys.argv) == 4:
    train, heldout, generated = sys.argv[1:]
else:
    # Real digits in three parts; the "generator" hands out half fresh digits, half copies.
    digits, labels = load_digits(n_class=2, return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    images, labels = (digits.reshape(-1, 8, 8)[order] * 15.9).astype(np.uint8), labels[order]
    train, heldout = (images[:120], labels[:120]), (images[120:240], labels[120:240])
    mixed = np.r_[0:60, 240:300]
    generated = (images[mixed], labels[mixed])

found = synthaug.evaluate(heldout, generated, train=train)
print(found)
print("refused" if found.failed else "nothing against it")
