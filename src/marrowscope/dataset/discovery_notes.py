"""What names of folders and files were taken for while images were found, in sentences."""

from collections import Counter
from dataclasses import dataclass, field

from marrowscope.dataset.folder_names import holds_turned_copies
from marrowscope.dataset.label_source import LabelNotes, LabelSource
from marrowscope.io.passed_over import PassedOver

_SHOWN = 5


@dataclass
class DiscoveryNotes:
    """What names were taken for, counted in images while they are found."""

    said: list[str] = field(default_factory=list)
    parts: Counter[tuple[str, str]] = field(default_factory=Counter)
    no_class: Counter[str] = field(default_factory=Counter)
    patients: Counter[str] = field(default_factory=Counter)
    from_names: Counter[str] = field(default_factory=Counter)
    patient_rule: str | None = None
    without_patient: int = 0
    laboratories: Counter[str] = field(default_factory=Counter)
    laboratory_rule: str | None = None
    without_laboratory: int = 0
    passed_over: PassedOver = field(default_factory=PassedOver)
    label_source: LabelSource | None = None
    labels: LabelNotes = field(default_factory=LabelNotes)

    def sentences(self) -> tuple[str, ...]:
        """One sentence for each kind."""
        passed = self.passed_over.sentence()
        made = [*self.said, *((passed,) if passed else ())]
        odd = {pair: count for pair, count in self.parts.items() if pair[0] != pair[1]}
        if odd:
            shown = ", ".join(f"{name} is {part} ({count})" for (name, part), count in odd.items())
            made.append(f"parts of the split from folders: {shown}")
        if self.from_names:
            count, name = self.from_names.total(), next(iter(self.from_names))
            made.append(f"{count} labels are taken from file names such as {name}")
        if self.patients:
            shown = _some(sorted(self.patients))
            what = (
                f"`patient_from` {self.patient_rule}"
                if self.patient_rule
                else "the names of folders"
            )
            made.append(f"patient_id is taken from {what}: {len(self.patients)} patients ({shown})")
        if self.patient_rule and self.without_patient:
            made.append(f"{self.without_patient} images have no patient by {self.patient_rule}")
        if self.laboratories:
            made.append(
                f"laboratory is taken from `laboratory_from` {self.laboratory_rule}: "
                f"{len(self.laboratories)} laboratories ({_counted(self.laboratories)})"
            )
        if self.laboratory_rule and self.without_laboratory:
            made.append(
                f"{self.without_laboratory} images have no laboratory by {self.laboratory_rule}"
            )
        if self.label_source is not None:
            made += self.labels.sentences(self.label_source)
        turned = {name: n for name, n in self.no_class.items() if holds_turned_copies(name)}
        others = {name: n for name, n in self.no_class.items() if name not in turned}
        if others:
            made.append(
                f"folders taken for no class: {_counted(others)}; name them otherwise if they are "
                "classes, or give `patient_from=folder:-1` if they are patients"
            )
        if turned:
            made.append(
                f"folders taken for no class: {_counted(turned)}; if these are turned copies of "
                "other images, leave them out or run 'marrowscope screen', or they can end on both "
                "sides of a split"
            )
        return tuple(made)


def _counted(names: dict[str, int]) -> str:
    shown = [f"{name} ({count})" for name, count in sorted(names.items())[:_SHOWN]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _some(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
