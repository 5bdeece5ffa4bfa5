"""What classes do in a count: the scheme's own, and those of users."""

from marrowscope.differential.count_roles import (
    BLASTS,
    CellRole,
    cell_role,
    lineage,
    lineage_codes,
    name,
    role,
    role_codes,
)
from marrowscope.morphology import CountRole, Lineage


def test_cells_count_artefacts_do_not_and_unidentifiable_cells_are_not_classified() -> None:
    assert role("NGS") is CountRole.COUNTED
    assert cell_role("ART") is CellRole.NOT_COUNTED
    assert cell_role("NIF") is CellRole.NOT_CLASSIFIED
    assert role_codes(CountRole.COUNTED, ("ART", "LYT", "NIF", "BLA")) == ("LYT", "BLA")


def test_a_class_of_ones_own_is_counted_in_no_lineage_under_its_code() -> None:
    assert role("my class") is CountRole.COUNTED
    assert lineage("my class") is Lineage.OTHER
    assert name("my class") == "my class"


def test_lineages_hold_counted_classes_in_the_order_given() -> None:
    assert lineage("EBO") is Lineage.ERYTHROID
    assert lineage_codes(Lineage.MYELOID, ("NGS", "EBO", "BLA", "ART")) == ("NGS", "BLA")
    assert BLASTS == ("BLA",)
