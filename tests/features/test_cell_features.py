"""Numbers with names: worked examples, other libraries as references, and what is missing."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from marrowscope.errors import InputError
from marrowscope.features import Segmentation, catalogue, measure_cell
from marrowscope.morphology import CODES
from marrowscope.phantom.synthetic_cell import draw_cell
from marrowscope.preprocessing import MICRONS_PER_PIXEL


def disc(radius: float, x: float = 125, y: float = 125) -> np.ndarray:
    rows, columns = np.ogrid[:250, :250]
    return np.hypot(rows - y, columns - x) < radius


def table(image: np.ndarray, segmentation: Segmentation | None = None) -> dict[str, float]:
    found, values = measure_cell(image, segmentation)
    return dict(zip(found, values.tolist(), strict=True))


NOISE = np.random.default_rng(0).integers(0, 256, (250, 250, 3), dtype=np.uint8)
BOTH = Segmentation(disc(60, 124.5, 124.5), disc(30, 124.5, 124.5), False)


def test_there_are_more_than_6000_features_each_with_name_unit_and_description() -> None:
    features = catalogue()
    assert len(features) > 6000
    assert len({feature.name for feature in features}) == len(features)
    assert len({feature.description for feature in features}) == len(features)
    assert all(feature.unit and "\n" not in feature.description for feature in features)


def test_names_come_in_the_order_of_the_catalogue() -> None:
    found, values = measure_cell(NOISE, BOTH)
    assert found == tuple(feature.name for feature in catalogue())
    assert values.shape == (len(found),)
    assert values.dtype == np.float32


def test_numbers_do_not_depend_on_how_many_threads_blas_has() -> None:
    """It adds the parts of a sum in an order that depends on them."""
    for seed in range(3):
        image = draw_cell(CODES[3], seed).image
        found = []
        for threads in (1, 2):
            with threadpool_limits(threads):
                found.append(measure_cell(image)[1])
        np.testing.assert_array_equal(*found)


def test_size_and_colour_of_a_painted_cell_are_what_was_painted() -> None:
    image = np.full((250, 250, 3), 250, np.uint8)
    image[BOTH.cell] = (200, 180, 220)
    image[BOTH.nucleus] = (90, 40, 140)
    numbers = table(image, BOTH)
    area = BOTH.nucleus.sum() * MICRONS_PER_PIXEL**2
    assert numbers["nucleus.shape.area"] == pytest.approx(area, rel=1e-6)
    assert numbers["relation.nucleus_share"] == pytest.approx(0.25, abs=0.005)
    assert numbers["cell.shape.eccentricity"] < 0.1
    assert numbers["cell.shape.circularity"] > 0.85
    assert numbers["nucleus.intensity.red.mean"] == 90
    assert numbers["cytoplasm.intensity.green.p50"] == 180
    assert numbers["nucleus.intensity.blue.sd"] == 0
    assert numbers["contrast.nucleus_cytoplasm.red"] == -110
    assert numbers["segmentation.fallback"] == 0


def test_statistics_of_a_region_are_those_of_its_pixels() -> None:
    numbers, pixels = table(NOISE, BOTH), NOISE[BOTH.cytoplasm][:, 1].astype(float)
    assert numbers["cytoplasm.intensity.green.mean"] == pytest.approx(pixels.mean(), rel=1e-5)
    assert numbers["cytoplasm.intensity.green.sd"] == pytest.approx(pixels.std(), rel=1e-5)
    away = (pixels - pixels.mean()) / pixels.std()
    assert numbers["cytoplasm.intensity.green.skewness"] == pytest.approx(
        (away**3).mean(), abs=1e-4
    )
    assert numbers["cytoplasm.intensity.green.p90"] == pytest.approx(
        np.percentile(pixels, 90), abs=1
    )


def test_shares_sum_to_one() -> None:
    numbers = table(NOISE, BOTH)
    for stem in ("nucleus.lbp.r2.azure", "cell.histogram.hue"):
        total = sum(value for name, value in numbers.items() if name.startswith(f"{stem}.bin"))
        assert total == pytest.approx(1, abs=1e-5)


def test_a_cell_turned_by_a_quarter_keeps_its_numbers() -> None:
    image = draw_cell(CODES[0], 5).image
    first, second = table(image, BOTH), table(np.ascontiguousarray(np.rot90(image)), BOTH)
    for name in ("nucleus.haralick.d2.q16.green.contrast", "cell.lbp.r3.green.bin4",
                 "cell.gabor.w2.green.energy", "nucleus.band2.green.sd",
                 "cell.radial.shell2.green.mean"):  # fmt: skip
        assert second[name] == pytest.approx(first[name], rel=0.12), name


def test_a_region_that_is_not_there_gives_nan_and_nothing_is_infinite() -> None:
    _, values = measure_cell(NOISE, Segmentation(disc(50), np.zeros((250, 250), bool), False))
    names = [feature.name for feature in catalogue()]
    missing = {name.split(".")[0] for name, value in zip(names, values, strict=True)
               if np.isnan(value)}  # fmt: skip
    assert "nucleus" in missing
    assert not {"cell", "cytoplasm", "image"} & missing
    assert not np.isinf(values).any()


@pytest.mark.parametrize("grey", [0, 255])
def test_a_blank_image_is_measured_as_a_fallback(grey: int) -> None:
    numbers = table(np.full((250, 250, 3), grey, np.uint8))
    assert numbers["segmentation.fallback"] == 1
    assert numbers["image.intensity.red.mean"] == grey


def test_the_same_image_gives_the_same_numbers() -> None:
    image = draw_cell(CODES[3], 1).image
    np.testing.assert_array_equal(measure_cell(image)[1], measure_cell(image)[1])


def test_an_image_of_another_size_is_refused() -> None:
    with pytest.raises(InputError, match="expected"):
        measure_cell(np.zeros((100, 100, 3), np.uint8))
