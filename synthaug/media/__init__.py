"""Video files: read with their exact times, written so that only pixels have changed."""

from synthaug.media.clip import Clip, Limits
from synthaug.media.reading import frames, probe
from synthaug.media.writing import Writer

__all__ = ["Clip", "Limits", "Writer", "frames", "probe"]
