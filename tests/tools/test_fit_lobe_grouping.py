"""Fitting the model that joins lobes: what it learns from two synthetic fields."""

import numpy as np
from fit_lobe_grouping import fit, phantom_samples

from marrowscope.detection.lobe_grouping import COLUMNS, model_columns, same_cell_likelihood


def test_a_model_fitted_on_two_fields_parts_pairs_as_the_shipped_one_does() -> None:
    samples = list(phantom_samples(2))
    features = np.array([row for rows, _ in samples for row in rows])
    truth = np.array([one for _, truths in samples for one in truths])
    model = fit(samples)
    assert model.columns == COLUMNS
    assert 0 < truth.mean() < 1
    fitted = model.likelihood(model_columns(features)) >= 0.5
    shipped = same_cell_likelihood(features) >= 0.5
    assert (fitted == truth).mean() > 0.95
    assert (shipped == truth).mean() > 0.85
