"""What a user says of images beside their paths: where patients and laboratories stand."""

from dataclasses import dataclass

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
    """

    patient: PathRule | None = None
    laboratory: PathRule | None = None
    laboratory_name: str | None = None


NO_RULES = DiscoveryRules()


def discovery_rules(
    patient_from: str | None = None,
    laboratory: str | None = None,
    laboratory_from: str | None = None,
) -> DiscoveryRules:
    """Read what was given.

    Args:
        patient_from: ``path_rules.path_rule`` of the patient's id.
        laboratory: name, for images that neither a list nor the rule gives one.
        laboratory_from: rule of the laboratory's name.

    Raises:
        InputError: a rule is none, or the name is empty.
    """
    return DiscoveryRules(
        None if patient_from is None else path_rule(patient_from, "patient_from"),
        None if laboratory_from is None else path_rule(laboratory_from, "laboratory_from"),
        None if laboratory is None else laboratory_name(laboratory),
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
