"""Strict scores of held-out cells, worked by hand."""

import polars as pl

from marrowscope.training.validation import strict_scores


def test_scores_of_five_cells_by_hand() -> None:
    predictions = pl.DataFrame(
        {
            "label": ["LYT", "LYT", "LYT", "NGS", "NGS"],
            "predicted": ["LYT", "LYT", "NGS", "NGS", None],
            "p_LYT": [0.9, 0.8, 0.3, 0.1, None],
            "p_NGS": [0.1, 0.2, 0.7, 0.9, None],
            "p_EBO": [0.0, 0.0, 0.0, 0.0, None],
        }
    )
    # Read are 3 LYT, of which 2 are right, and 1 NGS. LYT: precision 2/2; NGS: precision 1/2.
    assert strict_scores(predictions) == {
        "images": 4,
        "macro_f1": round((0.8 + 2 / 3) / 2, 4),
        "accuracy": 0.75,
        "balanced_accuracy": round((2 / 3 + 1) / 2, 4),
        "recall": {"LYT": 0.6667, "NGS": 1.0},
        "f1": {"LYT": 0.8, "NGS": 0.6667},
    }
