"""Text for the page that may be shared: names of real files and of folders taken out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

__all__ = ["cleaned", "cleaner", "without_file_names"]

_ENDING = (
    r"\.(?:avif|bmp|dib|gif|j2k|jfif|jp2|jpe?g?|pbm|pgm|png|pnm|ppm|tga|tiff?|webp|tar|csv|npy)"
    r"(?![A-Za-z0-9])"
)
_NAMED = re.compile(_ENDING, re.IGNORECASE)
_TOKEN = re.compile(r"[^\s,;()'\"]+" + _ENDING, re.IGNORECASE)
_FOLDERS = re.compile(r"(?<![\w.~])(?:~|[A-Za-z]:)?[/\\](?:[^\s/\\'\"]+[/\\])*(?=[^\s/\\'\"])")


def without_file_names(text: str) -> str:
    """The text without names of image files, and with paths cut to their last part.

    Names may hold blanks, so a list of them is cut from the colon or bracket before it.

    Example:
        >>> without_file_names("2 of 9 images left out: a b.png is empty, c.jpg")
        '2 of 9 images left out: names withheld'
        >>> without_file_names("synthaug augment /home/ann/tiles --out /tmp/x/out")
        'synthaug augment …/tiles --out …/out'
    """
    found = _NAMED.search(text)
    if found:
        before = text[: found.start()]
        cut = max(before.rfind(": "), before.rfind(" ("))
        if cut >= 0:
            opening = text[cut : cut + 2]
            text = before[:cut] + opening + "names withheld" + (")" if "(" in opening else "")
        else:
            text = _TOKEN.sub("[name withheld]", text)
    return _FOLDERS.sub("…/", text)


def cleaned(value: Any) -> Any:
    """A JSON-ready value with every string in it passed through `without_file_names`."""
    if isinstance(value, str):
        return without_file_names(value)
    if isinstance(value, dict):
        return {cleaned(key): cleaned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(item) for item in value]
    return value


def cleaner(private: bool) -> Callable[[Any], Any]:
    """`cleaned`, or for the private page a function that changes nothing."""
    return (lambda value: value) if private else cleaned
