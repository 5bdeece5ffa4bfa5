"""A network or its predictions → strict scores on the held-out cells."""

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from marrowscope.cells import probabilities, probability_codes
from marrowscope.inference.batch_prediction import predict_table
from marrowscope.models.bundle import Bundle
from marrowscope.models.card import Card
from marrowscope.scoring import confusion_matrix, score
from marrowscope.training.training_cells import TrainingData

if TYPE_CHECKING:  # scores are also computed where torch is not installed
    from marrowscope.training.networks.lightning_module import TrainingModule


def validation_scores(
    module: "TrainingModule", data: TrainingData, device: str
) -> dict[str, float]:
    """Recall per class and macro-F1 on the held-out cells, one view only, for speed."""
    from marrowscope.inference.torch_engine import TorchEngine

    card = Card("early", "", data.outputs, data.known, views=1)
    engine = TorchEngine(Bundle(module.result.eval(), card), device)
    scores = strict_scores(predict_table(engine, data.held_out))
    module.result.to(module.device)
    recalls = {f"recall_{code}": value for code, value in scores["recall"].items()}
    return {"macro_f1": scores["macro_f1"], **recalls}


def strict_scores(predictions: pl.DataFrame) -> dict[str, Any]:
    """Strict scores over the classes that occur, as plain data for the card."""
    rows = predictions.filter(pl.col("predicted").is_not_null())
    codes = probability_codes(rows)
    place = {code: index for index, code in enumerate(codes)}
    truth = np.array([place[label] for label in rows["label"]], dtype=np.int64)
    predicted = probabilities(rows).argmax(axis=1)
    result = score(confusion_matrix(truth, predicted, len(codes)))
    present = [code for code in codes if result.support[place[code]] > 0]
    return {
        "images": int(result.support.sum()),
        "macro_f1": round(float(result.macro_f1), 4),
        "accuracy": round(float(result.accuracy), 4),
        "balanced_accuracy": round(float(result.balanced_accuracy), 4),
        "recall": {code: round(float(result.recall[place[code]]), 4) for code in present},
        "f1": {code: round(float(result.f1[place[code]]), 4) for code in present},
    }
