"""Command line: one thin command per verb; parse, call one library function, print."""

from marrowscope.cli.app import main

__all__ = ["main"]
