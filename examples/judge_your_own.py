"""Judge images from any generator: python judge_your_own.py [TRAIN HELDOUT GENERATED]."""

import sys

import numpy as np
from sklearn.datasets import load_digits

import synthaug

if len(sys.argv) == 4:
    train, heldout, generated = sys.argv[1:]
else:
    # Real digits in three parts; the "generator" hands out half fresh digits, half copies.
    digits, labels = load_digits(return_X_y=True)
    images = (digits.reshape(-1, 8, 8) * 15.9).astype(np.uint8)
    train, heldout = (images[:400], labels[:400]), (images[400:800], labels[400:800])
    mixed = np.r_[0:200, 800:1000]
    generated = (images[mixed], labels[mixed])

found = synthaug.evaluate(heldout, generated, train=train)
print(found)
print("refused" if found.verdicts.failed else "nothing against it")
