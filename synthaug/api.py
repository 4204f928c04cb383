"""The public functions: each is a job joined with what tells about it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from synthaug import report
from synthaug.datasets import AugmentedDataset
from synthaug.datasets import load as load_saved
from synthaug.jobs.anonymize import anonymize as anonymize_job
from synthaug.jobs.anonymize_audit import audit as audit_job
from synthaug.jobs.anonymize_plan import plan_video as anonymize_plan
from synthaug.jobs.anonymize_result import AnonymizeResult
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
    "AnonymizeResult",
    "Comparison",
    "Evaluation",
    "Plan",
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
    "sample",
    "train",
    "train_faces",
    "translate_apply",
    "translate_train",
]

P = ParamSpec("P")
T = TypeVar("T")


def _with_pages(job: Callable[P, T], render: Callable[..., None]) -> Callable[P, T]:
    """A job that writes its report: jobs stand below the report and cannot import it."""

    @functools.wraps(job)
    def told(*args: P.args, **kwargs: P.kwargs) -> T:
        kwargs.setdefault("render", render)
        return job(*args, **kwargs)

    return told


anonymize = _with_pages(anonymize_job, report.write_audit)
anonymize_audit = _with_pages(audit_job, report.write_audit)
augment = _with_pages(augment_job, report.write)
compare = _with_pages(compare_job, report.write_comparison)
demo = _with_pages(demo_job, report.write)


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
