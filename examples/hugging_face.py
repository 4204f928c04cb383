"""Balance a Hugging Face data set: python hugging_face.py [BUDGET]."""

import sys
from collections import Counter

import datasets
import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from synthaug.integrations.huggingface import balance

# Any Dataset with an image and a label column; here zeros and ones, with few ones.
digits = load_digits(n_class=2)
keep = [i for i, label in enumerate(digits.target) if label == 0 or i < 60]
features = {"image": datasets.Image(), "label": datasets.ClassLabel(names=["zero", "one"])}
real = datasets.Dataset.from_dict(
    {
        "image": [Image.fromarray((digits.images[i] * 15.9).astype(np.uint8)) for i in keep],
        "label": digits.target[keep].tolist(),
    },
    features=datasets.Features(features),
)

balanced = balance(real, budget=sys.argv[1] if len(sys.argv) > 1 else "1min")
print("before:", dict(Counter(real["label"])), "after:", dict(Counter(balanced["label"])))
print("kinds:", dict(Counter(balanced["kind"])))
