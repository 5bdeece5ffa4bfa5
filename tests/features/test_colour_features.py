"""Distributions of grey levels in each region, worked by hand."""

import math

import pytest

from marrowscope.features import colour_features
from support.measured_discs import by_name, disc_cell


def test_even_regions_have_their_level_and_no_spread() -> None:
    found = by_name(colour_features.features, colour_features.values, disc_cell(150, 50, 250))
    for region, level in (("nucleus", 50), ("cytoplasm", 150)):
        for name in ("mean", "p01", "p50", "p99", "mode", "rms"):
            assert found[f"{region}.intensity.green.{name}"] == level
        for name in ("sd", "iqr", "entropy", "skewness", "deviation"):
            assert found[f"{region}.intensity.green.{name}"] == pytest.approx(0)
        assert found[f"{region}.intensity.green.energy"] == 1
    assert found["nucleus.histogram.green.bin03"] == 1  # 48 to 63
    assert found["cytoplasm.histogram.green.bin09"] == 1


def test_a_cell_of_two_levels_mixes_them_by_area() -> None:
    found = by_name(colour_features.features, colour_features.values, disc_cell(150, 50, 250))
    share = (4 / 6) ** 2  # of the nucleus in the cell
    mean = share * 50 + (1 - share) * 150
    assert found["cell.intensity.red.mean"] == pytest.approx(mean, abs=0.5)
    assert found["cell.intensity.red.sd"] == pytest.approx(
        100 * math.sqrt(share * (1 - share)), abs=0.5
    )
    assert found["cell.intensity.red.entropy"] == pytest.approx(
        -share * math.log2(share) - (1 - share) * math.log2(1 - share), abs=0.01
    )
    assert found["contrast.nucleus_cytoplasm.red"] == -100
    assert found["contrast.cell_surround.red"] == pytest.approx(mean - 250, abs=0.5)
