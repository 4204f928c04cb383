"""The report: results in, two self-contained HTML pages out."""

from synthaug.report.page import write

__all__ = ["write"]
