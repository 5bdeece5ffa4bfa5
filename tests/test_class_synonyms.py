"""Which of the 21 classes a name means, and which names mean none."""

import unicodedata

import pytest

from marrowscope.class_synonyms import nearest_classes, nearest_in_words, resolve_class
from marrowscope.morphology import BY_CODE, CLASSES

MEANT = {
    "BLA": "blast Blasts BLASTEN Blast-cell bla",
    "PMO": "Promyelozyt Promyelozyten promyelocytus promyelocyti Pro-Myelocyte progranulocyte",
    "FGC": "Faggott_cells Faggott-cell faggot Faggotzellen",
    "MYB": "Myelozyten myelocytus MYELOCYTES",
    "MMZ": "Metamyelozyt metamyelocyti Meta-myelocyte Jugendlicher Jugendliche",
    "NGB": "Stabkerniger Stabkernige Stabkerniger_Neutrophiler band_neutrophils Bands stab_cells",
    "NGS": "Segmentkerniger Segmentkernige segmented SegmentedNeutrophil neutrophils_segmented",
    "EOS": "Eosinophiler Eosinophile Eosinophils eosinophil_granulocyte",
    "ABE": "abnormal_eosinophils atypical_eosinophil",
    "BAS": "Basophiler Basophile basophils granulocytus_basophilicus",
    "MON": "Monozyt Monozyten monocytus",
    "PEB": "Pro-erythroblast Proerythroblasten pronormoblast rubriblasts",
    "EBO": "Erythroblasten Normoblast Normoblasten erythroblasti",
    "LYI": "unreifer_Lymphozyt Lymphocyte_immature",
    "LYT": "Lymphozyt Lymphozyten lymphocyti mature_lymphocytes",
    "HAC": "Haarzelle Haarzellen hairy-cells",
    "PLM": "Plasmazelle Plasmazellen PlasmaCell plasma-cells plasmocyte",
    "KSC": "Kernschatten Gumprecht'sche_Kernschatten smudge smudge_cells basket_cell",
    "OTH": "other_cells sonstige_Zellen",
    "ART": "Artifact artifacts Artefakt Artefakte",
    "NIF": "unidentifiable nicht_identifizierbar Not-Identifiable",
}


@pytest.mark.parametrize(("code", "names"), MEANT.items())
def test_english_german_and_latin_names_in_number_case_and_signs(code: str, names: str) -> None:
    for name in names.split():
        for spelling in (name, name.replace("_", " "), name.upper().replace("_", "-")):
            assert resolve_class(spelling) == code, spelling
    assert set(MEANT) == set(BY_CODE)


@pytest.mark.parametrize("cell", CLASSES, ids=lambda cell: cell.code)
def test_a_code_beside_its_own_name_is_that_class_and_beside_another_none(cell) -> None:
    for name in (f"{cell.code} - {cell.name}", f"{cell.name} ({cell.code})", f"1. {cell.name}"):
        assert resolve_class(name) == cell.code, name
    other = next(one for one in CLASSES if one.code != cell.code)
    assert resolve_class(f"{other.code} - {cell.name}") is None


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("Neutrophils", ("NGS", "NGB")),
        ("neutrophile Granulozyten", ("NGS", "NGB")),
        ("granulocyte", ("NGS", "NGB", "EOS", "BAS")),
        ("lymphoid", ("LYT", "LYI")),
        ("Myeloblast", ("BLA",)),
        ("atypical lymphocyte", ("LYT", "LYI")),
        ("NRBC", ("EBO", "PEB")),
        ("polychromatic erythroblast", ("EBO",)),
        ("others", ("OTH", "NIF")),
        ("giant band neutrophil", ("NGB",)),
        ("Limphocyte", ("LYT",)),
        ("teapot", ()),
        ("augmented", ()),
        ("", ()),
        ("x" * 5000, ()),
    ],
)
def test_a_name_of_several_classes_or_of_none_is_not_guessed(
    name: str, nearest: tuple[str, ...]
) -> None:
    assert resolve_class(name) is None
    assert nearest_classes(name) == nearest


def test_umlauts_are_understood_in_both_normal_forms() -> None:
    for form in ("NFC", "NFD"):
        assert resolve_class(unicodedata.normalize(form, "Blästen")) == "BLA"
    assert nearest_in_words("lymphoid") == ("nearest LYT (lymphocyte), LYI (immature lymphocyte)")
