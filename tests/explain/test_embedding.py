"""The map of cells: deterministic, with measures that are right where the answer is known."""

import re
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
import torch

from marrowscope.errors import InputError
from marrowscope.explain.embedding import (
    Embedding,
    embed,
    embedding_measures,
    project,
    trajectories,
)
from marrowscope.models import create
from marrowscope.models.bundle import Bundle
from marrowscope.models.card import Card
from marrowscope.phantom.synthetic_cell import draw_cell
from marrowscope.report.embedding_page import embedding_figure, embedding_page

SERIES = ("PMO", "MYB", "MMZ", "NGB", "NGS")


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    torch.manual_seed(0)
    return Bundle(create("sequential", 2).eval(), Card("toy", "sequential", SERIES[:2], SERIES[:2]))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    folder = tmp_path_factory.mktemp("cells")
    rows = []
    for number in range(24):
        code = ("LYT", "EOS", "NGS")[number % 3]
        path = folder / f"{number}<b>.png"
        cv2.imwrite(str(path), draw_cell(code, number).image[:, :, ::-1])
        rows.append((f"c{number}", str(path), code))
    return pl.DataFrame(rows, schema=["cell_id", "path", "label"], orient="row")


@pytest.fixture(scope="module")
def made(bundle: Bundle, table: pl.DataFrame) -> Embedding:
    return embed(bundle, table, seed=1)


def clusters(distance: float) -> tuple[np.ndarray, list[str]]:
    random = np.random.default_rng(0)
    labels = [code for code in SERIES for _ in range(40)]
    middles = np.array([[distance * SERIES.index(code)] * 4 for code in labels])
    return (middles + random.standard_normal((200, 4))).astype(np.float32), labels


def test_the_same_seed_gives_the_same_map(
    bundle: Bundle, table: pl.DataFrame, made: Embedding
) -> None:
    again = embed(bundle, table, seed=1)
    assert again.table.equals(made.table)
    assert made.method.startswith("UMAP")
    assert made.features.shape == (24, 120)


def test_features_are_those_of_the_network(
    bundle: Bundle, table: pl.DataFrame, made: Embedding
) -> None:
    image = cv2.imread(table["path"][5])[:, :, ::-1].copy()
    with torch.inference_mode():
        pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
        exact = bundle.model.features(pixels)[0].numpy()
    np.testing.assert_allclose(made.features[5], exact, atol=1e-5)


def test_purity_is_one_for_far_classes_and_chance_for_none() -> None:
    features, labels = clusters(100.0)
    far = embedding_measures(features, features[:, :2].astype(float), labels)
    assert far["purity"]["all"] == 1.0
    assert far["purity_map"]["NGS"] == 1.0
    assert far["trustworthiness"] > 0.9
    mixed, labels = clusters(0.0)
    near = embedding_measures(mixed, mixed[:, :2].astype(float), labels)
    assert near["chance"] == pytest.approx(39 / 199)
    assert near["purity"]["all"] == pytest.approx(near["chance"], abs=0.05)


def test_a_series_in_order_is_seen_and_a_shuffled_one_is_not() -> None:
    features, labels = clusters(10.0)
    order = trajectories(features[:, :2].astype(float), labels)
    assert list(order)
    assert all(one["correlation"] > 0.95 for one in order.values())
    assert min(one["p"] for one in order.values()) < 0.05
    where = {"PMO": 2, "MYB": 0, "MMZ": 4, "NGB": 1, "NGS": 3}
    places = np.array([[10.0 * where[code], 0.0] for code in labels])
    assert all(one["p"] > 0.05 for one in trajectories(places, labels).values())


def test_few_cells_get_principal_components_and_two_are_refused(
    bundle: Bundle, table: pl.DataFrame
) -> None:
    few = embed(bundle, table.head(3))
    assert few.method.startswith("principal components")
    assert few.table.height == 3
    assert few.measures == {}
    with pytest.raises(InputError, match="at least 3"):
        embed(bundle, table.head(2))
    places, _ = project(np.zeros((4, 5), np.float32))
    assert np.isfinite(places).all()


def test_unreadable_images_are_named_and_left_out(
    bundle: Bundle, table: pl.DataFrame, tmp_path: Path
) -> None:
    torn = tmp_path / "torn.png"
    torn.write_bytes(b"\x89PNG")
    row = pl.DataFrame({"cell_id": ["t"], "path": [str(torn)], "label": ["LYT"]})
    found = embed(bundle, pl.concat([row, table.head(4)]))
    assert [path for path, _ in found.unread] == [str(torn)]
    assert found.table.height == 4
    assert len(found.features) == 4


def test_a_model_without_features_is_refused(table: pl.DataFrame) -> None:
    plain = Bundle(torch.nn.Identity(), Card("svm", "features", ("BLA", "LYT"), ("BLA", "LYT")))
    with pytest.raises(InputError, match="no features"):
        embed(plain, table)


def test_the_page_stands_alone_and_names_are_escaped(made: Embedding) -> None:
    page = embedding_page(made, "<script>x</script>")
    assert "<script>x" not in page
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']?https?:", page)
    # Slashes are written as escapes inside of scripts.
    assert len(re.findall(r"data:image(?:/|\\u002f)jpeg;base64,", page)) == 24
    assert "Research use only" in page
    assert len(embedding_figure(made, "x").axes) == 1


def test_a_cell_is_no_neighbour_of_its_own_even_among_equal_ones() -> None:
    same = np.ones((40, 4), dtype=np.float32)
    found = embedding_measures(
        same, same[:, :2].astype(np.float64), [f"class {n}" for n in range(40)]
    )
    assert found["purity"]["all"] == 0.0
    assert found["purity_map"]["all"] == 0.0
