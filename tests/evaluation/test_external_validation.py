"""External validation: mapping, no calls, agreement, shift."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from marrowscope.errors import InputError
from marrowscope.evaluation.class_mapping import ClassMapping, apply_mapping, load_mapping
from marrowscope.evaluation.domain_shift import (
    MEASURES,
    compare_measures,
    feature_shift,
    load_images,
    measure_domain_shift,
    measure_image,
)
from marrowscope.evaluation.external_validation import evaluate_external
from marrowscope.io.image_encoding import encode_png
from marrowscope.models import create
from marrowscope.models.bundle import Bundle
from marrowscope.models.card import Card
from marrowscope.morphology import CODES
from marrowscope.phantom.synthetic_cell import draw_cell
from marrowscope.report.external_figures import domain_shift_figure, external_figure

MAPPING: ClassMapping = {
    "myeloblast": ("BLA",),
    "neutrophil": ("NGB", "NGS"),
    "red precursor": ("EBO",),
}


def predictions(*rows: tuple[str | None, str | None, float]) -> pl.DataFrame:
    return pl.DataFrame(
        rows,
        schema={"label": pl.String, "predicted": pl.String, "confidence": pl.Float32},
        orient="row",
    )


TABLE = predictions(
    ("myeloblast", "BLA", 0.9),
    ("myeloblast", "PMO", 0.8),  # right lineage, wrong class
    ("myeloblast", "LYT", 0.4),
    ("myeloblast", "ART", 0.9),  # no call
    ("neutrophil", "NGS", 0.9),
    ("neutrophil", "NGB", 0.3),
    ("neutrophil", "NIF", 0.2),  # no call
    ("neutrophil", None, 0.0),  # unreadable
    (None, "BLA", 0.9),  # without a class
)


def test_agreement_lineage_and_no_calls_by_hand() -> None:
    result = evaluate_external(TABLE, MAPPING)
    blast, neutrophil = result.classes
    assert (blast.no_calls.right, blast.no_calls.cells) == (1, 4)
    assert (blast.agreement.right, blast.agreement.cells) == (1, 3)
    assert (blast.lineage.right, blast.lineage.cells) == (2, 3)
    assert neutrophil.agreement.value == 1
    assert (result.no_calls.right, result.no_calls.cells) == (2, 7)
    assert (result.agreement.right, result.agreement.cells) == (3, 5)
    assert result.balanced == pytest.approx((1 / 3 + 1) / 2)
    assert result.unread == 1
    assert result.codes == CODES
    assert result.matrix.sum() == 5
    assert result.matrix[0, CODES.index("PMO")] == 1


def test_low_confidence_is_no_call_and_every_cell_has_one_reason() -> None:
    result = evaluate_external(TABLE, MAPPING, min_confidence=0.5)
    assert result.no_calls.right == 4
    assert list(result.reasons.values()) == [2, 2]
    calibrated = TABLE.with_columns(no_call=pl.col("predicted") == "PMO")
    assert evaluate_external(calibrated, MAPPING).no_calls.right == 3


def test_giving_up_is_the_right_answer_where_the_mapping_says_so() -> None:
    rows = predictions(("debris", "ART", 0.9), ("debris", "NIF", 0.9), ("debris", "BLA", 0.9))
    result = evaluate_external(rows, {"debris": ("ART",)})
    assert (result.agreement.right, result.agreement.cells) == (1, 2)
    assert result.no_calls.right == 1


def test_the_study_s_share_of_no_calls() -> None:
    rows = predictions(*[("myeloblast", "ART", 0.9)] * 247, *[("myeloblast", "BLA", 0.9)] * 380)
    share = evaluate_external(rows, MAPPING).no_calls
    assert 1 - share.value == pytest.approx(0.61, abs=0.005)
    assert share.low < share.value < share.high


@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(MAPPING)), st.sampled_from(CODES), st.floats(0, 1, width=32)
        ),
        min_size=1,
        max_size=40,
    ),
    st.floats(0.01, 1),
)
def test_called_and_not_called_cells_are_all_cells(
    rows: list[tuple[str, str, float]], limit: float
) -> None:
    table = predictions(*rows)
    result = evaluate_external(table, MAPPING, min_confidence=limit)
    assert result.matrix.sum() + result.no_calls.right == len(rows) == result.no_calls.cells
    assert sum(result.reasons.values()) == result.no_calls.right
    assert result.agreement.right <= result.lineage.right
    assert result.no_calls.right >= evaluate_external(table, MAPPING).no_calls.right


def test_a_scheme_of_users_own_has_no_lineages() -> None:
    rows = predictions(("big", "round", 0.9), ("big", "long", 0.9))
    result = evaluate_external(rows, {"big": ("round",)})
    assert result.codes == ("long", "round")
    assert result.lineage.cells == 0
    assert result.agreement.value == 0.5


@pytest.mark.parametrize(
    ("table", "mapping", "words"),
    [
        (TABLE, {"myeloblast": ("BLA",)}, "does not map 'neutrophil'"),
        (TABLE, {**MAPPING, "x": ("XYZ",)}, "'XYZ' is not a class"),
        (TABLE.drop("label"), MAPPING, "no column label"),
        (TABLE.drop("predicted"), MAPPING, "no column predicted"),
        (TABLE.with_columns(label=pl.lit(None, pl.String)), MAPPING, "no row"),
    ],
)
def test_what_does_not_fit_is_refused(
    table: pl.DataFrame, mapping: ClassMapping, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        evaluate_external(table, mapping, "map.yaml")


def test_a_label_that_became_a_code_on_reading_finds_its_entry() -> None:
    # A list of 'Promyelocytes' comes back from predict as PMO.
    mapping: ClassMapping = {"promyelocytes": ("PMO",), "weird cell": ("ART",)}
    found = apply_mapping(["PMO", "Weird Cell"], mapping, CODES, "map.yaml")
    assert found == {"PMO": "promyelocytes", "Weird Cell": "weird cell"}


def test_a_mapping_is_read_from_yaml_and_csv(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("myeloblast: [BLA, PMO]\nneutrophil: NGS\n")
    (tmp_path / "a.csv").write_text("external,compatible\nmyeloblast,BLA; PMO\nneutrophil,NGS\n")
    wanted = {"myeloblast": ("BLA", "PMO"), "neutrophil": ("NGS",)}
    assert load_mapping(tmp_path / "a.yaml") == load_mapping(tmp_path / "a.csv") == wanted


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.yaml", "", "maps no class"),
        ("a.yaml", "{}", "maps no class"),
        ("a.csv", "", "maps no class"),
        ("a.csv", "external,compatible\n", "maps no class"),
        ("a.csv", "external,other\na,b\n", "no column compatible"),
        ("a.csv", "external,compatible\nblast,\n", "'blast' is compatible with no class"),
        ("a.csv", "external,compatible\nblast,BLA\nblast,PMO\n", "twice"),
        ("a.yaml", "blast: []", "'blast' is compatible with no class"),
        ("a.yaml", "blast:", "'blast' is compatible with no class"),
        ("a.yaml", "blast: [[BLA]]", "list of class codes"),
        ("a.yaml", "blast: [BLA]\nblast: [PMO]", "twice"),
        ("a.yaml", "- blast", "expected lines"),
        ("a.yaml", "a: [", "cannot be read as YAML"),
    ],
)
def test_a_wrong_mapping_is_refused_in_one_line(
    name: str, text: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        load_mapping(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_names_are_taken_as_they_stand(tmp_path: Path) -> None:
    # YAML would make 7 of 007, and true of yes, which is the same name as 1.
    (tmp_path / "a.yaml").write_text("1: BLA\nyes: LYT\n007: [EOS, 1]\nNO: NGS\n")
    wanted = {"1": ("BLA",), "yes": ("LYT",), "007": ("EOS", "1"), "NO": ("NGS",)}
    assert load_mapping(tmp_path / "a.yaml") == wanted


def test_a_missing_mapping_is_refused(tmp_path: Path) -> None:
    for name in ("none.yaml", "none.csv"):
        with pytest.raises(InputError, match=name):
            load_mapping(tmp_path / name)


def test_standardized_differences_by_hand() -> None:
    base = [dict.fromkeys(MEASURES, float(value)) for value in (1, 2, 3)]
    given_ = [dict.fromkeys(MEASURES, float(value)) for value in (4, 6, float("nan"))]
    found = compare_measures(base, given_)[0]
    assert (found.reference_mean, found.reference_sd, found.mean) == (2, 1, 5)
    assert (found.difference, found.outside) == (3, 1)


def test_blur_and_light_are_seen_and_the_rest_is_not_touched() -> None:
    image = draw_cell("LYT", 1).image
    import cv2

    plain, soft = measure_image(image), measure_image(cv2.GaussianBlur(image, (0, 0), 6))
    dark = measure_image((image * 0.8).astype(np.uint8))
    assert soft["blur"] > plain["blur"] + 0.2
    assert soft["brightness"] == pytest.approx(plain["brightness"], abs=1)
    assert dark["light"] == pytest.approx(0.8 * plain["light"], abs=1)
    blank = measure_image(np.full((250, 250, 3), 250, np.uint8))
    assert np.isnan(blank["blur"])
    assert np.isnan(blank["density"])
    assert blank["stained"] == 0


def test_features_of_the_same_kind_are_near_and_others_far() -> None:
    random = np.random.default_rng(0)
    base = random.normal(size=(200, 8))
    same = feature_shift(base, random.normal(size=(100, 8)))
    far = feature_shift(base, random.normal(6, 1, size=(100, 8)))
    assert same.ratio == pytest.approx(1, abs=0.1)
    assert same.beyond < 0.15
    assert far.beyond == 1
    assert far.ratio > 4


def write(folder: Path, code: str, seeds: range, size: int = 250, light: float = 1.0) -> list[str]:
    folder.mkdir(exist_ok=True)
    paths = []
    for seed in seeds:
        path = folder / f"{code}-{seed}.png"
        image = (draw_cell(code, seed, size).image * light).astype(np.uint8)
        path.write_bytes(encode_png(image))
        paths.append(str(path))
    return paths


def test_a_darker_set_lies_away_and_the_training_data_themselves_do_not(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = create("sequential", 22).eval()
    bundle = Bundle(network, Card("x", "sequential", ("LYT", "NGS"), ("LYT", "NGS")))
    base = pl.DataFrame({"path": write(tmp_path / "a", "LYT", range(12))})
    dark = pl.DataFrame({"path": write(tmp_path / "b", "LYT", range(20, 32), 120, 0.7)})
    moved = measure_domain_shift(base, dark, bundle)
    by_name = {entry.name: entry for entry in moved.measures}
    assert by_name["light"].difference < -1
    assert by_name["brightness"].difference < -1
    assert moved.features is not None
    itself = measure_domain_shift(base, base)
    assert all(abs(entry.difference) < 1e-9 for entry in itself.measures)
    assert itself.features is None
    domain_shift_figure(moved).canvas.draw()


def test_too_few_images_are_refused(tmp_path: Path) -> None:
    table = pl.DataFrame({"path": ["none.png"] * 20})
    with pytest.raises(InputError, match="0 of 20 images"):
        load_images(table)


def test_the_figure_frames_what_is_compatible() -> None:
    figure = external_figure(evaluate_external(TABLE, {**MAPPING, "$odd^name": ("ART",)}))
    assert len(figure.axes[0].patches) == 3  # BLA; NGB and NGS
    figure.canvas.draw()
