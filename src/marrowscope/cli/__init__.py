"""Command line: one thin command per verb; parse, call one library function, print."""

# Importing a module registers its commands.
from marrowscope.cli import (  # noqa: F401
    calibrate_command,
    compare_command,
    count_command,
    crossval_command,
    dataset_commands,
    demo_command,
    detect_command,
    evaluate_command,
    explain_commands,
    match_stain_command,
    noise_command,
    pack_command,
    phantom_command,
    predict_command,
    pretrain_command,
    quantize_command,
    reproduce_command,
    screen_command,
    train_command,
)
from marrowscope.cli.app import main

__all__ = ["main"]
