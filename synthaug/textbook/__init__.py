"""The GAN textbook: parts, recipes made of them, and the recipes that have a name."""

from synthaug.textbook.entry import Entry
from synthaug.textbook.named import entry_of, named, names, recipes
from synthaug.textbook.recipe import Recipe

__all__ = ["Entry", "Recipe", "entry_of", "named", "names", "recipes"]
