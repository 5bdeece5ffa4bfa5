"""The plain data of a differential count, from which reports are written."""

from dataclasses import dataclass

from marrowscope.differential.decision_thresholds import CorrectedDecision, CountProgress, Decision
from marrowscope.differential.myeloid_erythroid_ratio import RatioEstimate
from marrowscope.differential.tally import Tally
from marrowscope.scoring import Estimate


@dataclass(frozen=True)
class Entry:
    """One class, or a group of classes, of the count.

    Attributes:
        code: class code, or the name of the group.
        name: in English.
        lineage: of the class.
        count: cells.
        percent: of the countable cells, rounded so that all classes sum to 100; nan without cells.
        counted: share of the countable cells with its Wilson interval; nan, 0 and 1 without cells.
        bounds: share when none and when all of the not-classified cells belong to it, of the
            countable and the not-classified cells together.
        known: whether the classifier can answer it; of a group: any of its classes.
        corrected_percent: as ``percent``, of the corrected estimate; None without one.
        corrected: share after correction with its bootstrap interval; None without one, and
            where nothing is known of the class.
    """

    code: str
    name: str
    lineage: str
    count: int
    percent: float
    counted: Estimate
    bounds: tuple[float, float]
    known: bool
    corrected_percent: float | None
    corrected: Estimate | None


@dataclass(frozen=True)
class Differential:
    """The count of one smear.

    Attributes:
        classes: counted classes in display order.
        lineages: sums of the counted classes by lineage; their percentages are sums of those of
            the classes.
        blasts: the classes that the decisions are about, as one group.
        ratio: myeloid (with blasts and monocytes) to erythroid cells; None when the classifier
            knows no class of either side.
        corrected_ratio: the same after correction; None without a correction, or without a held-out
            or predicted class of either side.
        tally: cells by what became of them.
        decisions: thresholds that lie in the interval of the counted blasts.
        corrected_decisions: thresholds that lie in the corrected interval of the blasts.
        progress: towards the wanted number of cells.
        unknown: classes of the scheme that the classifier does not know.
        uncorrected: predicted classes without a held-out cell, which the correction leaves be.
        seed: of the bootstrap.
    """

    classes: tuple[Entry, ...]
    lineages: tuple[Entry, ...]
    blasts: Entry
    ratio: RatioEstimate | None
    corrected_ratio: RatioEstimate | None
    tally: Tally
    decisions: tuple[Decision, ...]
    corrected_decisions: tuple[CorrectedDecision, ...]
    progress: CountProgress
    unknown: tuple[str, ...]
    uncorrected: tuple[str, ...]
    seed: int
