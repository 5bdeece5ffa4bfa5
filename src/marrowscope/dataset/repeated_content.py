"""Files with the same content → which row of them counts, and why the others do not."""

from collections.abc import Sequence

import polars as pl

from marrowscope.dataset.field_places import place_names

CONFLICT = "same content as "
DUPLICATE = "duplicate of "


def errors_of_repeats(table: pl.DataFrame) -> list[str | None]:
    """The errors of all rows, with those of repeated content.

    One content under two labels: nobody can say which is right, so all its rows are excluded.
    One content twice under one label, or once without: the first row with the label is kept.

    Args:
        table: with ``path``, ``label``, ``sha256`` and ``error``; rows with an error stay as they
            are and exclude no other.
    """
    errors = table["error"].to_list()
    paths, labels, hashes = (table[name].to_list() for name in ("path", "label", "sha256"))
    places = place_names(table)
    groups: dict[str, list[int]] = {}
    for row, digest in enumerate(hashes):
        if digest is not None and errors[row] is None:
            groups.setdefault(digest, []).append(row)
    for rows in groups.values():
        labelled = [row for row in rows if labels[row] is not None]
        if len({labels[row] for row in labelled}) > 1:
            for row in rows:
                other = next(o for o in labelled if labels[o] != labels[row])
                errors[row] = (
                    f"{CONFLICT}{paths[other]}{places[other]}, which is labelled {labels[other]}"
                )
        else:
            kept = (labelled or rows)[0]
            for row in rows:
                if row != kept:
                    errors[row] = f"{DUPLICATE}{paths[kept]}{places[kept]}"
    return errors


def without_repeats(error: str | None) -> str | None:
    """An error, unless it is one that ``errors_of_repeats`` gave, which has to be judged anew."""
    return None if error is not None and error.startswith((CONFLICT, DUPLICATE)) else error


def numbered(identities: Sequence[str]) -> list[str]:
    """Ids with a number behind those that come again: a, b, a is a, b, a-2."""
    counts: dict[str, int] = {}
    found = []
    for identity in identities:
        counts[identity] = counts.get(identity, 0) + 1
        found.append(identity if counts[identity] == 1 else f"{identity}-{counts[identity]}")
    return found
