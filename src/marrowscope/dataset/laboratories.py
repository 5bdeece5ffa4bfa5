"""Which laboratories the cells of a table are of, and what that means for learning from them."""

from pathlib import Path

import polars as pl

from marrowscope.cells import GROUPS, LABORATORY, usable
from marrowscope.identifiers import clean_column
from marrowscope.morphology import in_display_order

_SHOWN = 5


def laboratory_of_rows(table: pl.DataFrame) -> pl.Series:
    """The laboratory of every row, tidied; null where none is named."""
    if LABORATORY not in table.columns:
        return pl.Series(LABORATORY, [None] * table.height, dtype=pl.String)
    return clean_column(table[LABORATORY].cast(pl.String))


def laboratory_names(table: pl.DataFrame) -> list[str]:
    """Laboratories of the usable rows that have a label, sorted."""
    rows = _labelled(table)
    return sorted(laboratory_of_rows(rows).drop_nulls().unique().to_list())


def printable_name(name: str) -> str:
    """A name as cards and calibrations hold it: what does not print is a dot."""
    return "".join(sign if sign.isprintable() else "·" for sign in name)


def cells_by_class_and_laboratory(table: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Usable labelled rows by class (outer key) and laboratory, both in order of display.

    Every class has every laboratory. Rows that name none are counted under "".
    """
    if "label" not in table.columns:
        return {}
    rows = _labelled(table)
    pairs = pl.DataFrame({"label": rows["label"], "laboratory": laboratory_of_rows(rows)})
    counts = dict[tuple[str, str], int]()
    for label, laboratory, count in pairs.group_by("label", "laboratory").len().rows():
        counts[label, laboratory or ""] = count
    names = sorted({laboratory for _, laboratory in counts}, key=lambda name: (not name, name))
    codes = in_display_order({label for label, _ in counts})
    return {code: {name: counts.get((code, name), 0) for name in names} for code in codes}


def laboratory_warnings(table: pl.DataFrame) -> list[str]:
    """What several laboratories, in this mixture, can teach a network beside the cells."""
    counts = cells_by_class_and_laboratory(table)
    names = [name for name in next(iter(counts.values()), {}) if name]
    if len(names) < 2:
        return []
    warnings = []
    alone: dict[str, list[str]] = {}
    for code, row in counts.items():
        having = [name for name in names if row[name]]
        if len(having) == 1:
            alone.setdefault(having[0], []).append(code)
    if alone:
        shown = "; ".join(
            f"{', '.join(codes)} (only {name})" for name, codes in sorted(alone.items())
        )
        warnings.append(
            f"Classes that only one laboratory has: {shown}. There a network can learn the "
            "laboratory instead of the cell."
        )
    for name in names:
        own = [code for code, row in counts.items() if row[name]]
        if len(own) == 1:
            warnings.append(
                f"Laboratory {name} has only class {own[0]} ({counts[own[0]][name]} images): by "
                "its cells alone nothing can be told apart."
            )
    nameless = sum(row.get("", 0) for row in counts.values())
    if nameless:
        warnings.append(f"{nameless} labelled images name no laboratory, while others do.")
    return warnings + patients_of_several_laboratories(table)


def patients_of_several_laboratories(table: pl.DataFrame) -> list[str]:
    """A sentence for each id column in which an id comes from more than one laboratory."""
    found = []
    rows = usable(table)
    for name in (name for name in GROUPS if name in rows.columns):
        ids = pl.DataFrame(
            {"id": clean_column(rows[name].cast(pl.String)), "laboratory": laboratory_of_rows(rows)}
        ).drop_nulls()
        counts = ids.group_by("id").agg(pl.col("laboratory").n_unique())
        shared = sorted(counts.filter(pl.col("laboratory") > 1)["id"].to_list())
        if shared:
            more = f" and {len(shared) - _SHOWN} more" if len(shared) > _SHOWN else ""
            found.append(
                f"{name} {', '.join(shared[:_SHOWN])}{more} occurs in several laboratories and "
                "counts as one; give different patients different ids."
            )
    return found


def laboratories_before(path: Path) -> list[str]:
    """Laboratories that an earlier cell table names; [] where there is no such table."""
    try:
        names = pl.read_parquet(path, columns=[LABORATORY], glob=False)[LABORATORY]
    except (OSError, pl.exceptions.PolarsError):
        return []
    return sorted(names.cast(pl.String).drop_nulls().unique().to_list())


def _labelled(table: pl.DataFrame) -> pl.DataFrame:
    rows = usable(table)
    return rows.filter(pl.col("label").is_not_null()) if "label" in rows.columns else rows.clear()
