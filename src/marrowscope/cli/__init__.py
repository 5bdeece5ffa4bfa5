"""Command line: one thin command per verb; parse, call one library function, print."""

# Importing a module registers its commands.
from marrowscope.cli import (
    count,
    crossval,
    dataset,
    demo,
    detect,
    evaluate,
    pack,
    phantom,
    predict,
    quantize,
    screen,
    train,
)
from marrowscope.cli.app import main

__all__ = [
    "count",
    "crossval",
    "dataset",
    "demo",
    "detect",
    "evaluate",
    "main",
    "pack",
    "phantom",
    "predict",
    "quantize",
    "screen",
    "train",
]
