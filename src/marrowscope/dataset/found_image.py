"""A path and what is said of it → an image with its label, its patient and its laboratory."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from marrowscope.class_synonyms import resolve_class
from marrowscope.dataset.discovery_notes import DiscoveryNotes
from marrowscope.dataset.discovery_rules import DiscoveryRules
from marrowscope.dataset.folder_names import class_of_file_name, is_thousand
from marrowscope.dataset.label_source import GIVEN, LabelSource, class_of
from marrowscope.dataset.path_rules import PathRule
from marrowscope.identifiers import clean_text


@dataclass(frozen=True)
class FoundImage:
    """One file, with what its place or its list says of it.

    Attributes:
        path: absolute.
        label: code, or the name of a class of the user's own.
        columns: of the cell table, beside these.
        carried: columns of a list that are none of the cell table.
        left_out: why the image is not to be used, though nothing is wrong with its file.
    """

    path: str
    label: str | None = None
    columns: dict[str, Any] = field(default_factory=dict)
    carried: dict[str, str] = field(default_factory=dict)
    left_out: str | None = None


def inner_folders(folder: str, top: str) -> list[str]:
    """Names of the folders from ``top`` (not included) to ``folder`` (included)."""
    relative = os.path.relpath(folder, top)
    return [] if relative == os.curdir else relative.split(os.sep)


def class_folders(folder: str, top: str, rules: DiscoveryRules) -> list[str]:
    """Names of the folders around a file that may be of a class, outermost first."""
    inner = inner_folders(folder, top)
    levels = rules.levels(inner)
    names = [name for place, name in enumerate(inner) if len(inner) - place not in levels]
    mapping = None if rules.labels is None else rules.labels.mapping
    if mapping is None:
        outer = class_around(top)
        return names if outer is None else [outer, *names]
    around = os.path.basename(top)
    return [around, *names] if around in mapping else names


def named_image(
    found: FoundImage,
    folders: Sequence[str],
    source: LabelSource,
    notes: DiscoveryNotes,
    in_list: bool = False,
) -> FoundImage:
    """An image with the label that its name there stands for; ``found`` may have that of a list."""
    name = source.given_name(found.path, folders, found.label, in_list)
    label, left_out = class_of(name, source, notes.labels)
    given = {} if name is None or source.mapping is None else {GIVEN: name}
    return replace(found, label=label, left_out=left_out, carried={**found.carried, **given})


def class_around(folder: str) -> str | None:
    """Class that a folder, or the one around a folder of a thousand, is named after."""
    names = [name for name in folder.split(os.sep)[-2:] if not is_thousand(name)]
    return resolve_class(names[-1]) if names else None


def label_from_file_name(name: str, notes: DiscoveryNotes) -> str | None:
    """Code of the class before the number of a file, or None; counted in the notes."""
    code = class_of_file_name(name)
    if code is not None:
        notes.from_names[name] += 1
    return code


def ids_of(
    path: str,
    top: str | None,
    folder: str | None,
    rules: DiscoveryRules,
    notes: DiscoveryNotes,
) -> dict[str, str]:
    """The columns ``patient_id`` and ``laboratory`` of an image, as far as they are known."""
    patient = patient_of(path, top, folder, rules.patient, notes)
    return patient | laboratory_of(path, top, rules, notes)


def patient_of(
    path: str,
    top: str | None,
    folder: str | None,
    rule: PathRule | None,
    notes: DiscoveryNotes,
) -> dict[str, str]:
    """The column ``patient_id`` by the rule, else by a folder that is named after a patient."""
    patient = folder if rule is None else rule.find(path, top)
    if patient is None:
        notes.without_patient += 1
        return {}
    notes.patients[patient] += 1
    return {"patient_id": patient}


def laboratory_of(
    path: str, top: str | None, rules: DiscoveryRules, notes: DiscoveryNotes
) -> dict[str, str]:
    """The column ``laboratory`` by the rule, else the name that was given for all."""
    found = None if rules.laboratory is None else clean_text(rules.laboratory.find(path, top))
    if found is not None:
        notes.laboratories[found] += 1
    elif rules.laboratory is not None:
        notes.without_laboratory += 1
    laboratory = found or rules.laboratory_name
    return {} if laboratory is None else {"laboratory": laboratory}
