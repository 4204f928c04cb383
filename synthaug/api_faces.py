"""The public functions about faces: apart, since nothing here needs the training of generators."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from synthaug import report
from synthaug.jobs.anonymize import anonymize as anonymize_job
from synthaug.jobs.anonymizing.audit import audit as audit_job
from synthaug.jobs.anonymizing.plan import plan_video as anonymize_plan
from synthaug.jobs.anonymizing.result import AnonymizeResult

__all__ = ["AnonymizeResult", "anonymize", "anonymize_audit", "anonymize_plan", "with_pages"]

P = ParamSpec("P")
T = TypeVar("T")


def with_pages(job: Callable[P, T], render: Callable[..., None]) -> Callable[P, T]:
    """A job that writes its report: jobs stand below the report and cannot import it."""

    @functools.wraps(job)
    def told(*args: P.args, **kwargs: P.kwargs) -> T:
        kwargs.setdefault("render", render)
        return job(*args, **kwargs)

    return told


anonymize = with_pages(anonymize_job, report.write_audit)
anonymize_audit = with_pages(audit_job, report.write_audit)
