"""Which of the rows with one content counts."""

import polars as pl

from marrowscope.dataset.repeated_content import errors_of_repeats, numbered, without_repeats


def errors(*rows: tuple[str, str | None, str | None, str | None]) -> list[str | None]:
    names = ["path", "label", "sha256", "error"]
    return errors_of_repeats(
        pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    )


def test_the_first_row_with_a_label_counts() -> None:
    found = errors(("a", None, "1", None), ("b", "LYT", "1", None), ("c", "LYT", "1", None))
    assert found == ["duplicate of b", None, "duplicate of b"]


def test_two_labels_exclude_every_row_of_the_content() -> None:
    found = errors(("a", "NGS", "1", None), ("b", "LYT", "1", None), ("c", "LYT", "2", None))
    assert found == [
        "same content as b, which is labelled LYT",
        "same content as a, which is labelled NGS",
        None,
    ]


def test_a_row_with_an_error_of_its_own_excludes_no_other() -> None:
    found = errors(
        ("a", "NGS", "1", "overlaps x"), ("b", "LYT", "1", None), ("c", "LYT", None, None)
    )
    assert found == ["overlaps x", None, None]


def test_errors_of_repeats_are_judged_anew_and_others_stay() -> None:
    kept = [without_repeats(one) for one in ("duplicate of a", "same content as b", "empty", None)]
    assert kept == [None, None, "empty", None]


def test_ids_that_come_again_get_a_number() -> None:
    assert numbered(["a", "b", "a", "a"]) == ["a", "b", "a-2", "a-3"]
