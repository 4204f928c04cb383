"""The report: results in, self-contained HTML pages out."""

from synthaug.report.auditing import write_audit
from synthaug.report.comparison import write_comparison
from synthaug.report.page import write

__all__ = ["write", "write_audit", "write_comparison"]
