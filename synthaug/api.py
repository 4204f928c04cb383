"""The public functions: each is a job joined with what tells about it."""

from __future__ import annotations

from pathlib import Path

from synthaug import report
from synthaug.api_faces import with_pages
from synthaug.datasets import AugmentedDataset
from synthaug.datasets import load as load_saved
from synthaug.jobs.augment import augment as augment_job
from synthaug.jobs.augment import plan
from synthaug.jobs.compare import Comparison
from synthaug.jobs.compare import compare as compare_job
from synthaug.jobs.demo import demo as demo_job
from synthaug.jobs.evaluate import Evaluation, evaluate
from synthaug.jobs.preparing import Plan
from synthaug.jobs.sample import sample
from synthaug.jobs.train import load_classifier, load_generator, train
from synthaug.jobs.train_faces import train_faces
from synthaug.jobs.translate_apply import translate_apply
from synthaug.jobs.translate_train import load_translator, translate_train

__all__ = [
    "Comparison",
    "Evaluation",
    "Plan",
    "augment",
    "compare",
    "demo",
    "evaluate",
    "load",
    "load_classifier",
    "load_generator",
    "load_translator",
    "plan",
    "sample",
    "train",
    "train_faces",
    "translate_apply",
    "translate_train",
]

augment = with_pages(augment_job, report.write)
compare = with_pages(compare_job, report.write_comparison)
demo = with_pages(demo_job, report.write)


def load(directory: str | Path, *, real_root: str | Path | None = None) -> AugmentedDataset:
    """The set that `AugmentedDataset.save` wrote, items in the same order and type.

    Args:
        directory: the folder.
        real_root: where the real images are now, if their folder was moved.

    Raises:
        InputError: no such set, or images it refers to are gone or have changed.
    """
    return load_saved(
        directory, real_root=real_root, read_generator=load_generator, render=report.write
    )
