"""The 21 classes, and that nobody else spells them."""

import re
from pathlib import Path

import pytest

import marrowscope
from marrowscope.errors import InputError
from marrowscope.morphology import (
    BY_CODE,
    CLASSES,
    CODES,
    OUTPUTS_22,
    TOLERATED,
    CountRole,
    in_display_order,
    load_tolerated,
)


def test_there_are_21_classes_with_171374_images() -> None:
    assert len(set(CODES)) == 21
    assert sum(cell.published_images for cell in CLASSES) == 171_374


def test_published_values_are_those_of_table_1() -> None:
    assert BY_CODE["NGB"].published.strict_precision == (0.54, 0.04 - 0.01)
    assert BY_CODE["NGB"].published.strict_recall == (0.65, 0.04)
    assert BY_CODE["NGB"].published.tolerant_precision == (0.91, 0.02)
    assert BY_CODE["ABE"].published.strict_recall == (0.20, 0.40)
    assert BY_CODE["LYI"].published.tolerant_recall == (0.57, 0.13)


def test_22_outputs_stand_for_21_classes_in_order() -> None:
    assert len(OUTPUTS_22) == 22
    assert tuple(dict.fromkeys(OUTPUTS_22)) == CODES


def test_maturation_is_ranked_within_a_series() -> None:
    granulocytic = [cell for cell in CLASSES if cell.series == "granulocytic"]
    assert [cell.maturity for cell in granulocytic] == sorted(c.maturity for c in granulocytic)
    assert BY_CODE["BLA"].maturity == 0
    assert BY_CODE["NGS"].maturity > BY_CODE["NGB"].maturity
    assert all((cell.series is None) == (cell.maturity is None) for cell in CLASSES)


def test_smudge_cells_and_artefacts_are_out_of_the_count() -> None:
    roles = {role: {c.code for c in CLASSES if c.role is role} for role in CountRole}
    assert roles[CountRole.EXCLUDED] == {"KSC", "ART"}
    assert roles[CountRole.NOT_CLASSIFIED] == {"NIF", "OTH"}


def test_tolerated_pairs_are_eight_pairs_of_classes() -> None:
    assert len(TOLERATED) == 8
    assert all(len(pair) == 2 and pair <= set(CODES) for pair in TOLERATED)


def test_pairs_of_ones_own_are_read_from_yaml(tmp_path: Path) -> None:
    (tmp_path / "pairs.yaml").write_text("- [BLA, LYI]\n- [cat, dog]\n")
    expected = {frozenset({"BLA", "LYI"}), frozenset({"cat", "dog"})}
    assert load_tolerated(tmp_path / "pairs.yaml") == expected


@pytest.mark.parametrize("text", ["a: b", "- [BLA]", "- [BLA, BLA]", "- [1, 2]", "[[", "- BLA"])
def test_pairs_that_are_none_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "pairs.yaml").write_text(text)
    with pytest.raises(InputError, match=r"pairs\.yaml"):
        load_tolerated(tmp_path / "pairs.yaml")


def test_display_order_is_that_of_the_lineages_then_the_alphabet() -> None:
    assert in_display_order({"zebra", "LYT", "BLA", "ant"}) == ["BLA", "LYT", "ant", "zebra"]


def test_no_other_code_spells_a_class() -> None:
    spelled = re.compile(r"[\"'](" + "|".join(CODES) + r")[\"']")
    for path in Path(marrowscope.__file__).parent.rglob("*.py"):
        if path.name != "morphology.py":
            assert not spelled.search(path.read_text()), path
