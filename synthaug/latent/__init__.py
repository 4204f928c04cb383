"""Latent space: ways, mixtures, walks, projections and attribute directions of a generator."""

from synthaug.latent.codes import Codes, draw, label_of, locate, mean_style
from synthaug.latent.direction import Direction, edit, find_direction
from synthaug.latent.keeping import load_codes, save_codes
from synthaug.latent.likeness import Likeness
from synthaug.latent.paths import closed, slerp
from synthaug.latent.pictures import between, interpolate, mix, tiled
from synthaug.latent.projection import Projection, project
from synthaug.latent.reading import read_folder, read_image
from synthaug.latent.video import loop, save_video, walk

__all__ = [
    "Codes",
    "Direction",
    "Likeness",
    "Projection",
    "between",
    "closed",
    "draw",
    "edit",
    "find_direction",
    "interpolate",
    "label_of",
    "load_codes",
    "locate",
    "loop",
    "mean_style",
    "mix",
    "project",
    "read_folder",
    "read_image",
    "save_codes",
    "save_video",
    "slerp",
    "tiled",
    "walk",
]
