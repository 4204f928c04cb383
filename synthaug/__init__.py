"""Balance rare image classes with judged synthetic images.

The names below are loaded when they are first used, so ``import synthaug`` costs
milliseconds and brings no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthaug.api import augment as augment
    from synthaug.api import compare as compare
    from synthaug.api import demo as demo
    from synthaug.api import evaluate as evaluate
    from synthaug.api import load as load
    from synthaug.api import load_classifier as load_classifier
    from synthaug.api import load_generator as load_generator
    from synthaug.api import load_translator as load_translator
    from synthaug.api import plan as plan
    from synthaug.api import sample as sample
    from synthaug.api import train as train
    from synthaug.api import train_faces as train_faces
    from synthaug.api import translate_apply as translate_apply
    from synthaug.api import translate_train as translate_train
    from synthaug.api_faces import AnonymizeResult as AnonymizeResult
    from synthaug.api_faces import anonymize as anonymize
    from synthaug.api_faces import anonymize_audit as anonymize_audit
    from synthaug.api_faces import anonymize_plan as anonymize_plan
    from synthaug.datasets import AugmentedDataset as AugmentedDataset
    from synthaug.errors import Damaged as Damaged
    from synthaug.errors import ExposedFace as ExposedFace
    from synthaug.errors import GateFailed as GateFailed
    from synthaug.errors import InputError as InputError
    from synthaug.errors import InternalError as InternalError
    from synthaug.errors import OutOfResources as OutOfResources
    from synthaug.errors import Stopped as Stopped
    from synthaug.errors import SynthaugError as SynthaugError
    from synthaug.textbook import Recipe as Recipe
    from synthaug.textbook import recipes as recipes
    from synthaug.verdict import Status as Status
    from synthaug.verdict import Verdict as Verdict
    from synthaug.verdict import Verdicts as Verdicts

    __version__: str

_HOME = {
    "AnonymizeResult": "synthaug.api_faces",
    "AugmentedDataset": "synthaug.datasets",
    "Damaged": "synthaug.errors",
    "ExposedFace": "synthaug.errors",
    "GateFailed": "synthaug.errors",
    "InputError": "synthaug.errors",
    "InternalError": "synthaug.errors",
    "OutOfResources": "synthaug.errors",
    "Recipe": "synthaug.textbook",
    "Status": "synthaug.verdict",
    "Stopped": "synthaug.errors",
    "SynthaugError": "synthaug.errors",
    "Verdict": "synthaug.verdict",
    "Verdicts": "synthaug.verdict",
    "anonymize": "synthaug.api_faces",
    "anonymize_audit": "synthaug.api_faces",
    "anonymize_plan": "synthaug.api_faces",
    "augment": "synthaug.api",
    "compare": "synthaug.api",
    "demo": "synthaug.api",
    "evaluate": "synthaug.api",
    "load": "synthaug.api",
    "load_classifier": "synthaug.api",
    "load_generator": "synthaug.api",
    "load_translator": "synthaug.api",
    "plan": "synthaug.api",
    "recipes": "synthaug.textbook",
    "sample": "synthaug.api",
    "train": "synthaug.api",
    "train_faces": "synthaug.api",
    "translate_apply": "synthaug.api",
    "translate_train": "synthaug.api",
}
_ROOMS = ("client", "datasets", "features", "gates", "latent", "metrics", "textbook", "training")

__all__ = [
    "AnonymizeResult",
    "AugmentedDataset",
    "Damaged",
    "ExposedFace",
    "GateFailed",
    "InputError",
    "InternalError",
    "OutOfResources",
    "Recipe",
    "Status",
    "Stopped",
    "SynthaugError",
    "Verdict",
    "Verdicts",
    "__version__",
    "anonymize",
    "anonymize_audit",
    "anonymize_plan",
    "augment",
    "compare",
    "demo",
    "evaluate",
    "load",
    "load_classifier",
    "load_generator",
    "load_translator",
    "plan",
    "recipes",
    "sample",
    "train",
    "translate_apply",
    "translate_train",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("synthaug")
    elif name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
    elif name in _ROOMS:
        value = importlib.import_module(f"synthaug.{name}")
    else:
        raise AttributeError(f"module 'synthaug' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS})
