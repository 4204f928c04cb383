"""The audit: a written file read again beside its source; evidence to verdicts."""

from synthaug.audit.leaks import Limits
from synthaug.audit.result import AuditResult, Doubt, TrackFacts

__all__ = ["AuditResult", "Doubt", "Limits", "TrackFacts"]
