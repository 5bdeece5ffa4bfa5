"""Command line: one thin command per verb; parse, call one library function, print."""

# Importing a module registers its commands.
from marrowscope.cli import dataset, demo, evaluate, pack, phantom, predict, quantize, train
from marrowscope.cli.app import main

__all__ = ["dataset", "demo", "evaluate", "main", "pack", "phantom", "predict", "quantize", "train"]
