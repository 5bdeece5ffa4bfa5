"""What a user says of images beside their paths: where patients, laboratories and labels stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from marrowscope.dataset.label_mapping import load_label_mapping
from marrowscope.dataset.label_source import LabelSource
from marrowscope.dataset.path_rules import PathRule, path_rule
from marrowscope.errors import InputError
from marrowscope.identifiers import clean_text


@dataclass(frozen=True)
class DiscoveryRules:
    """What is said of the images beside their paths.

    Attributes:
        patient: where a path has the patient's id; None: folders that are named after patients.
        laboratory: where a path has the name of the laboratory.
        laboratory_name: of images that neither a list nor ``laboratory`` gives one.
        labels: where labels stand and what they mean; None: what paths and lists say by themselves.
    """

    patient: PathRule | None = None
    laboratory: PathRule | None = None
    laboratory_name: str | None = None
    labels: LabelSource | None = None

    def levels(self, inner: list[str]) -> tuple[int | None, int | None]:
        """Of the folders of patient and laboratory, from the file outwards.

        Args:
            inner: names between the folder that the user named and the file.
        """
        patient, laboratory = self.patient, self.laboratory
        return (
            None if patient is None else patient.level_in(inner),
            None if laboratory is None else laboratory.level_in(inner),
        )


NO_RULES = DiscoveryRules()


def discovery_rules(
    patient_from: str | None = None,
    laboratory: str | None = None,
    laboratory_from: str | None = None,
    labels_from: str | None = None,
    mapping: Sequence[Path] = (),
) -> DiscoveryRules:
    """Read what was given.

    Args:
        patient_from: ``path_rules.path_rule`` of the patient's id.
        laboratory: name, for images that neither a list nor the rule gives one.
        laboratory_from: rule of the laboratory's name.
        labels_from: one of ``label_source.SOURCES``.
        mapping: files, see ``label_mapping.load_label_mapping``.

    Raises:
        InputError: a rule is none, the name is empty, or a mapping cannot be read.
    """
    labels = None
    if labels_from is not None or mapping:
        labels = LabelSource(labels_from, load_label_mapping(mapping) if mapping else None)
    return DiscoveryRules(
        None if patient_from is None else path_rule(patient_from, "patient_from"),
        None if laboratory_from is None else path_rule(laboratory_from, "laboratory_from"),
        None if laboratory is None else laboratory_name(laboratory),
        labels,
    )


def laboratory_name(text: str) -> str:
    """The name of a laboratory as the column holds it, tidied like every id.

    Raises:
        InputError: it stands for nothing, such as "" or "NA".
    """
    name = clean_text(text)
    if name is None:
        raise InputError(f"`laboratory` {text!r}: is no name; give one, such as Munich")
    return name
