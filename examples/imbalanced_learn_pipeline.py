"""A step in an imbalanced-learn pipeline: python imbalanced_learn_pipeline.py [BUDGET]."""

import sys

import numpy as np
from imblearn.pipeline import make_pipeline
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler

from synthaug.integrations.imblearn import SynthaugSampler

images, labels = load_digits(return_X_y=True)  # rows of 64 numbers, 0 to 16
pair = np.isin(labels, [3, 8])
images, test, labels, test_labels = train_test_split(images[pair], labels[pair], random_state=0)
keep = (labels == 3) | (np.cumsum(labels == 8) <= 30)  # make the eight rare
images, labels = images[keep], labels[keep]

budget = sys.argv[1] if len(sys.argv) > 1 else "2min"
sampler = SynthaugSampler(image_shape=(8, 8), budget=budget, random_state=0)
for name, steps in {"plain": [], "synthaug": [sampler]}.items():
    pipeline = make_pipeline(MinMaxScaler(), *steps, LogisticRegression(max_iter=2000))
    guessed = pipeline.fit(images, labels).predict(test)
    print(f"{name}: balanced accuracy {balanced_accuracy_score(test_labels, guessed):.3f}")
