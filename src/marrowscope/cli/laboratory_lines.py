"""What commands print of scores by laboratory."""

from typing import TYPE_CHECKING

from marrowscope.cli.app import console, printable

if TYPE_CHECKING:
    from marrowscope.evaluation.evaluation_result import Evaluation


def print_laboratories(scores: "Evaluation") -> None:
    """A line for each laboratory, where there are several."""
    for one in scores.laboratories:
        strict, tolerant = one.strict["macro_f1"], one.tolerant["macro_f1"]
        console.print(
            f"laboratory {printable(one.name) or 'not named'}, {one.cells} cells: macro_f1 "
            f"{strict.value:.3f} ({strict.low:.3f}–{strict.high:.3f}), tolerant "
            f"{tolerant.value:.3f} ({tolerant.low:.3f}–{tolerant.high:.3f})",
            markup=False,
            soft_wrap=True,
        )
