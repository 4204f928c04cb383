"""The command line: parse, call, print."""

from synthaug.cli.app import main

__all__ = ["main"]
