"""Walk through a generator and edit: python walk_and_edit.py GENERATOR WITH WITHOUT OUT.

WITH and WITHOUT are folders of images that have an attribute, and that do not.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

import synthaug
from synthaug.latent import edit, find_direction, locate, read_folder, tiled, walk

folder, having, lacking, out = sys.argv[1:5]
generator = synthaug.load_generator(folder)

# A closed walk past five images of the first class, as an animated picture.
frames = walk(generator, labels=[0], seeds=[1, 2, 3, 4, 5], frames=48)
pictures = [Image.fromarray(np.moveaxis(f.expand(3, -1, -1).numpy(), 0, 2)) for f in frames]
walked = Path(out) / "walk.webp"
walked.parent.mkdir(parents=True, exist_ok=True)
pictures[0].save(walked, save_all=True, append_images=pictures[1:], duration=60, loop=0)

# What tells the two folders apart, as a direction of the generator's latent space.
direction = find_direction(
    generator, read_folder(having, generator), read_folder(lacking, generator), draws=128
)
print(f"told apart in {direction.told_apart:.0%} of held-out images")

# Four images, the attribute weaker to the left and stronger to the right.
strengths = [-2, -1, 0, 1, 2]
codes = locate(generator, labels=[0], seeds=[1, 2, 3, 4], space=direction.space)
strip = tiled(edit(generator, codes, direction, strengths).flatten(0, 1), columns=5)
Image.fromarray(np.moveaxis(strip.expand(3, -1, -1).numpy(), 0, 2)).save(Path(out) / "edit.png")
