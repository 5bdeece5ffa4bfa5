"""The totals of the published study, computed from its Table 1."""

import numpy as np

from marrowscope.morphology import BY_CODE, CODES


def published_totals() -> dict[str, dict[str, float]]:
    """Macro-F1, balanced accuracy, accuracy and weighted F1 of the study's Table 1.

    Computed from its class-wise means: F1 from precision and recall, the means over 21 classes,
    accuracy as recall weighted by the number of images.
    """
    totals = {}
    cells = [BY_CODE[code] for code in CODES]
    weight = np.array([cell.published_images for cell in cells], dtype=float)
    for kind in ("strict", "tolerant"):
        precision = np.array([getattr(cell.published, f"{kind}_precision")[0] for cell in cells])
        recall = np.array([getattr(cell.published, f"{kind}_recall")[0] for cell in cells])
        f1 = 2 * precision * recall / (precision + recall)
        totals[kind] = {
            "macro_f1": float(f1.mean()),
            "balanced_accuracy": float(recall.mean()),
            "accuracy": float(recall @ weight / weight.sum()),
            "weighted_f1": float(f1 @ weight / weight.sum()),
        }
    return totals
