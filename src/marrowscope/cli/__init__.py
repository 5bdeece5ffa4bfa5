"""Command line: one thin command per verb; parse, call one library function, print."""

# Importing a module registers its commands.
from marrowscope.cli import (
    calibrate,
    compare,
    count,
    crossval,
    dataset,
    demo,
    detect,
    evaluate,
    explain,
    match,
    noise,
    pack,
    phantom,
    predict,
    pretrain,
    quantize,
    reproduce,
    screen,
    train,
)
from marrowscope.cli.app import main

__all__ = [
    "calibrate",
    "compare",
    "count",
    "crossval",
    "dataset",
    "demo",
    "detect",
    "evaluate",
    "explain",
    "main",
    "match",
    "noise",
    "pack",
    "phantom",
    "predict",
    "pretrain",
    "quantize",
    "reproduce",
    "screen",
    "train",
]
