"""The report: results in, two self-contained HTML pages out."""

from synthaug.report.comparison import write_comparison
from synthaug.report.page import write

__all__ = ["write", "write_comparison"]
