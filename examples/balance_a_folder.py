"""Balance a folder of images: python balance_a_folder.py PHOTOS OUT [BUDGET]."""

import sys

import synthaug

photos, out = sys.argv[1:3]
budget = sys.argv[3] if len(sys.argv) > 3 else "10min"

# What each class would get and why, before any time is spent.
print(synthaug.plan(photos, "balance", budget=budget))

balanced = synthaug.augment(photos, "balance", budget=budget, out=out)
print(balanced.summary())

# One folder a class, real and synthetic together, for any training script.
balanced.to_imagefolder(f"{out}-folders")
