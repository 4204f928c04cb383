"""Hugging Face ``datasets.Dataset``, read without its own decoder so that limits hold."""

from __future__ import annotations

from typing import Any

from synthaug.datasets.decode import BadImage
from synthaug.errors import InputError

__all__ = ["HuggingFace", "is_huggingface"]


def is_huggingface(source: Any) -> bool:
    """Whether this comes from the ``datasets`` library, found out without importing it."""
    return any(kind.__module__.split(".")[0] == "datasets" for kind in type(source).__mro__)


class HuggingFace:
    """A Hugging Face dataset with an Image and a label column.

    Args:
        dataset: a ``datasets.Dataset`` (one split, not a dictionary of splits).
        label_column: the column of labels; by default the only ClassLabel column, else one
            named ``label`` or ``labels``.
    """

    def __init__(self, dataset: Any, label_column: str | None = None) -> None:
        if isinstance(dataset, dict):
            first = next(iter(dataset), "train")
            raise _refused("a dictionary of splits", f'Pass one, such as dataset["{first}"].')
        if not hasattr(dataset, "features") or not hasattr(dataset, "__len__"):
            raise _refused(type(dataset).__name__, "Load it without streaming.")
        import datasets

        kinds = {name: type(feature).__name__ for name, feature in dataset.features.items()}
        self.image_column = _only("Image", None, kinds)
        self.label_column = _only("ClassLabel", label_column, kinds)
        names = getattr(dataset.features[self.label_column], "names", None)
        self.classes: tuple[str, ...] | None = tuple(names) if names else None
        self.name = str(getattr(dataset.info, "dataset_name", None) or "dataset")
        self.warnings: list[str] = []
        self._dataset = dataset
        columns = [self.image_column, self.label_column]
        undecoded = datasets.Image(decode=False)
        plain = dataset.with_format(None).select_columns(columns)
        self._encoded = plain.cast_column(self.image_column, undecoded)

    def __len__(self) -> int:
        return len(self._dataset)

    def path(self, index: int) -> str:
        """``item INDEX``."""
        return f"item {index}"

    def location(self, index: int) -> str:
        """The name of the image's file where the dataset kept it, else ``item INDEX``."""
        image = self._encoded[index][self.image_column] or {}
        return str(image.get("path") or self.path(index)).replace("\\", "/")

    def read(self, index: int) -> tuple[Any, Any]:
        """The encoded bytes or the file, and the label."""
        row = self._encoded[index]
        image, label = row[self.image_column], row[self.label_column]
        if image is None:
            raise BadImage("has no image", where=self.path(index))
        return image["bytes"] if image["bytes"] is not None else image["path"], label

    def original(self, index: int) -> tuple[Any, Any]:
        """The two columns as the dataset's own format gives them."""
        row = self._dataset[index]
        return row[self.image_column], row[self.label_column]


def _refused(got: str, remedy: str) -> InputError:
    return InputError(
        "Hugging Face source",
        expected="a datasets.Dataset",
        got=got,
        remedy=remedy,
        code="input.source",
    )


def _only(kind: str, wanted: str | None, kinds: dict[str, str]) -> str:
    """The column asked for, else the only one of this kind, else one that is called label."""
    if wanted is not None:
        found = [wanted] if wanted in kinds else []
    else:
        found = [name for name in kinds if kinds[name] == kind]
        if not found and kind == "ClassLabel":
            found = [name for name in ("label", "labels") if name in kinds]
    if len(found) == 1:
        return found[0]
    remedy = "Cast the image column to datasets.Image()."
    if kind == "ClassLabel":
        remedy = "Pass labels= with the name of the label column."
    raise InputError(
        f"{kind} column" if wanted is None else f"label column {wanted!r}",
        expected="exactly one",
        got=", ".join(f"{name} ({kind})" for name, kind in kinds.items()),
        remedy=remedy,
        code="input.source",
    )
