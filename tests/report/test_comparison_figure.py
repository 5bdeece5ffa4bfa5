"""The figure of a comparison of models."""

from marrowscope.evaluation.model_comparison import compare
from marrowscope.report.comparison_figure import comparison_figure
from support.compared_predictions import predictions


def test_the_figure_shows_both_kinds_and_names_of_users_are_no_formulas() -> None:
    figure = comparison_figure(
        compare({"$x^": predictions(1, 0.8), "b": predictions(2, 0.7)}, resamples=100)
    )
    assert [axes.get_ylabel() for axes in figure.axes] == ["tolerant recall", "strict recall"]
    figure.canvas.draw()
