"""What a laboratory calls its cells → codes."""

from pathlib import Path

import pytest

from marrowscope.dataset.label_mapping import load_label_mapping, shipped_mappings
from marrowscope.errors import InputError
from marrowscope.morphology import BY_CODE


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_codes_and_names_of_the_21_classes_are_taken(tmp_path: Path) -> None:
    made = load_label_mapping(
        [written(tmp_path, "m.yaml", "BA: BAS\nStab: band neutrophil\nIG:\n")]
    )
    assert [made.code_of(name) for name in ("ba", " Stab ", "IG", "MO")] == [
        "BAS",
        "NGB",
        None,
        None,
    ]
    assert [name in made for name in ("ba", "IG", "MO")] == [True, True, False]


def test_files_are_joined_where_they_agree(tmp_path: Path) -> None:
    one = written(tmp_path, "one.yaml", "BA: BAS\nMO: MON\n")
    two = written(tmp_path, "two.csv", "name,code\nmo,monocyte\nLY,LYT\n")
    made = load_label_mapping([one, two])
    assert made.names == ("BA", "MO", "LY")
    assert made.source == f"{one} and {two}"


@pytest.mark.parametrize(
    ("second", "said"),
    [("MO: LYT\nBA: BAS\n", "'MO' is MON in the first and LYT in the second"),
     ("MO:\nBA: BAS\n", "'MO' is MON in the first and left out in the second")],
)  # fmt: skip
def test_two_that_disagree_are_refused(tmp_path: Path, second: str, said: str) -> None:
    one = written(tmp_path, "one.yaml", "MO: MON\n")
    two = written(tmp_path, "two.yaml", second)
    with pytest.raises(InputError) as caught:
        load_label_mapping([one, two])
    assert str(caught.value) == f"{one} and {two} disagree: {said}; keep one of the two lines"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no class; write lines such as"),
        ("BA:\nMO:\n", "maps no name to one of the 21 classes"),
        ("BA: XYZ\n", "'BA' is mapped to 'XYZ', which is none of the 21 classes; use one of BLA"),
        ("N: neutrophil\n", "none of the 21 classes (nearest NGS (segmented neutrophil), NGB"),
    ],
)
def test_a_mapping_that_maps_nothing_or_to_no_class_is_refused(
    tmp_path: Path, text: str, said: str
) -> None:
    path = written(tmp_path, "m.yaml", text)
    with pytest.raises(InputError) as caught:
        load_label_mapping([path])
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)


def test_a_short_name_that_is_not_shipped_is_told_which_are() -> None:
    with pytest.raises(InputError, match=r"`mapping` nosuch: no such file; .*: pbc"):
        load_label_mapping([Path("nosuch")])


@pytest.mark.parametrize("name", shipped_mappings())
def test_shipped_mappings_name_each_class_once(name: str) -> None:
    made = load_label_mapping([Path(name)])
    codes = [made.code_of(one) for one in made.names]
    assert len(set(codes)) == len(codes)
    assert set(codes) <= set(BY_CODE)


def test_the_blood_cells_of_barcelona() -> None:
    made = load_label_mapping([Path("pbc")])
    words = ["BA", "BNE", "SNE", "EO", "ERB", "MMY", "MY", "PMY", "LY", "MO", "IG", "PLATELET"]
    codes = ["BAS", "NGB", "NGS", "EOS", "EBO", "MMZ", "MYB", "PMO", "LYT", "MON", "-", "-"]
    assert [made.code_of(word) or "-" for word in words] == codes
