"""A table of several laboratories → training on all but one, and cells of that one to judge by."""

from dataclasses import dataclass

import polars as pl

from marrowscope.cells import usable
from marrowscope.dataset.laboratories import laboratory_names, laboratory_of_rows
from marrowscope.dataset.splitting import METHOD, TEST, TRAIN, indivisible_units
from marrowscope.errors import TableError
from marrowscope.morphology import in_display_order


@dataclass(frozen=True)
class LeftOutLaboratory:
    """One laboratory held out.

    Attributes:
        name: of the laboratory.
        table: the cells that take part, with ``split``: ``train`` of the others, ``test`` of this
            one.
        not_judged: its cells of classes that no other laboratory has, by class.
        not_here: classes of the others of which it has no cell; an answer of them is an error.
        withheld: cells of the others that share a patient or pixels with it, and do not train.
        problem: why no model can be judged on it; None where one can.
    """

    name: str
    table: pl.DataFrame
    not_judged: dict[str, int]
    not_here: tuple[str, ...]
    withheld: int
    problem: str | None

    def sentences(self) -> list[str]:
        """What must be said of the judgement."""
        if self.problem is not None:
            return [f"Laboratory {self.name} is not judged: {self.problem}."]
        said = []
        if self.not_judged:
            classes = ", ".join(f"{code} ({count})" for code, count in self.not_judged.items())
            said.append(
                f"Laboratory {self.name}: {classes} left out of the judgement, because no other "
                "laboratory has them to learn from."
            )
        if self.not_here:
            said.append(
                f"Laboratory {self.name} has no cell of {', '.join(self.not_here)}, which the "
                "others teach: such an answer is an error there."
            )
        if self.withheld:
            said.append(
                f"Laboratory {self.name}: {self.withheld} cells of the others share a patient, a "
                "slide or pixels with it and do not train the model that is judged on it."
            )
        return said


def require_laboratories(table: pl.DataFrame) -> list[str]:
    """Names of the laboratories that have labelled cells.

    Raises:
        InputError: there are not at least two.
    """
    names = laboratory_names(table)
    if len(names) < 2:
        have = f"only the laboratory {names[0]}" if names else "no laboratory"
        raise TableError(
            f"the table names {have}; leaving one out needs two ('marrowscope index --laboratory "
            "NAME', 'marrowscope merge')"
        )
    return names


def leave_out_laboratory(table: pl.DataFrame, name: str) -> LeftOutLaboratory:
    """Hold out the cells of one laboratory.

    Judged are its cells of the classes that others have too. Cells that name no laboratory take no
    part.

    Args:
        table: with ``laboratory`` and ``label``.
        name: one of ``require_laboratories``.
    """
    rows = usable(table)
    rows = rows.filter(pl.col("label").is_not_null() & laboratory_of_rows(rows).is_not_null())
    own = laboratory_of_rows(rows) == name
    units = pl.Series(indivisible_units(rows)[0])
    shared = ~own & units.is_in(units.filter(own).unique().to_list())
    labels = rows["label"]
    taught = set(labels.filter(~own & ~shared).to_list())
    here = set(labels.filter(own).to_list())
    judged = own & labels.is_in(sorted(taught))
    part = pl.when(judged).then(pl.lit(TEST)).when(~own & ~shared).then(pl.lit(TRAIN))
    others = [column for column in ("split", "fold", METHOD) if column in rows.columns]
    split = rows.drop(others).with_columns(
        part.alias("split"), pl.lit(f"laboratory {name} left out").alias(METHOD)
    )
    counts = dict(labels.filter(own & ~judged).value_counts().rows())
    problem = None
    if len(taught) < 2:
        known = f"only class {min(taught)}" if taught else "no class"
        problem = f"the others, without it, have {known} to learn from"
    elif not judged.any():
        problem = "it shares no class with the others"
    return LeftOutLaboratory(
        name,
        split.filter(pl.col("split").is_not_null()),
        {code: counts[code] for code in in_display_order(set(counts))},
        tuple(in_display_order(taught - here)),
        int(shared.sum()),
        problem,
    )
