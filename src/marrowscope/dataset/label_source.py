"""Where the label of an image stands, and which class a laboratory means by it."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from marrowscope.dataset.cell_list import label_of
from marrowscope.dataset.folder_names import class_folder, is_thousand, printable
from marrowscope.dataset.label_mapping import LabelMapping
from marrowscope.errors import InputError
from marrowscope.identifiers import clean_text

FOLDER, NAME_PREFIX, LIST = "folder", "name-prefix", "csv"
SOURCES = (FOLDER, NAME_PREFIX, LIST)
LEFT_OUT = "left out by the mapping: "  # begins the error of an image whose name is not mapped
GIVEN = "label_given"  # column: what the laboratory calls the cell
_SHOWN = 25


@dataclass(frozen=True)
class LabelSource:
    """How labels are read.

    Attributes:
        place: ``folder``, ``name-prefix`` or ``csv``; None: lists say it, else folders.
        mapping: of the names found there; None: names of the 21 classes, others stay as they are.
    """

    place: str | None = None
    mapping: LabelMapping | None = None

    def __post_init__(self) -> None:
        if self.place not in (None, *SOURCES):
            raise InputError(f"`labels_from` {self.place}: give {', '.join(SOURCES)}")

    def given_name(
        self, path: str, folders: Sequence[str], listed: str | None = None, in_list: bool = False
    ) -> str | None:
        """What the image is called there; None where nothing is.

        Args:
            path: of the image.
            folders: names around it that may be of a class, outermost first.
            listed: its label in the list.
            in_list: whether a list names the image.
        """
        if self.place == NAME_PREFIX:
            return name_prefix(path)
        if self.place == LIST or (self.place is None and in_list):
            return clean_text(listed)
        names = [name for name in folders if not is_thousand(name)]
        known = [name for name in names if self.mapping is not None and name in self.mapping]
        found = known[-1] if known else class_folder(names)
        return None if found is None else printable(found)


@dataclass
class LabelNotes:
    """What names were taken for, counted in images."""

    mapped: Counter[tuple[str, str]] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    without_name: int = 0

    def sentences(self, source: LabelSource) -> tuple[str, ...]:
        """One for the names that are mapped, left out, and missing."""
        made = []
        if source.mapping is not None and self.mapped:
            ranked = sorted(self.mapped.items(), key=lambda one: (one[0][1], one[0][0]))
            shown = ", ".join(f"{name} is {code} ({count})" for (name, code), count in ranked)
            made.append(f"labels by the mapping {source.mapping.source}: {shown}")
        if source.mapping is not None and self.left_out:
            made.append(
                f"left out, because the mapping {source.mapping.source} has no class for them: "
                f"{_ranked(self.left_out)}"
            )
        if self.without_name:
            where = source.place or "folder or list"
            made.append(f"{self.without_name} images have no label by {where}")
        return tuple(made)

    def require_some(self, mapping: LabelMapping) -> None:
        """Refuse a mapping that fits none of the images, before any is read.

        Raises:
            InputError: not one of them is called what the mapping names.
        """
        if not self.mapped:
            there = _ranked(self.left_out) or "nothing"
            raise InputError(
                f"`mapping` {mapping.source}: maps none of the names that are here ({there}); it "
                f"has {', '.join(mapping.names[:_SHOWN])}; does `labels_from` say where they stand?"
            )


def name_prefix(path: str) -> str | None:
    """The name of a file before its first ``_``; None where there is none."""
    before, underscore, _ = os.path.splitext(os.path.basename(path))[0].partition("_")
    return clean_text(printable(before)) if underscore else None


def class_of(
    name: str | None, source: LabelSource, notes: LabelNotes
) -> tuple[str | None, str | None]:
    """The label that a name stands for, and why the image is left out where it is."""
    if name is None:
        notes.without_name += 1
        return None, None
    if source.mapping is None:
        return label_of(name), None
    code = source.mapping.code_of(name)
    if code is None:
        notes.left_out[name] += 1
        return None, f"{LEFT_OUT}{name}"
    notes.mapped[name, code] += 1
    return code, None


def _ranked(names: Counter[str]) -> str:
    ranked = sorted(names.items(), key=lambda one: (-one[1], one[0]))[:_SHOWN]
    shown = [f"{name} ({count})" for name, count in ranked]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(shown) + more
