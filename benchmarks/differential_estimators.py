"""Which estimator of class shares comes nearest to the truth, on smears of known composition.

    nice python benchmarks/differential_estimators.py --smears 200 [--real predictions.parquet]

Prints for each source and composition the mean absolute error of all classes, in points of per
cent of all located cells, and that of the blasts. The estimators and their papers are described in
docs/differential.md.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from marrowscope.differential.corrected_shares import correct_shares
from marrowscope.differential.count_roles import BLASTS
from marrowscope.differential.held_out_answers import CONFIDENCE_BANDS
from marrowscope.differential.prevalence_estimation import (
    constrained_inversion,
    maximum_likelihood,
    saerens_em,
)
from simulated_smears import COMPOSITIONS, Smear, composition, real, smears, synthetic


def rates(smear: Smear) -> np.ndarray:
    """P(predicted class | class) among the held-out cells, with one right pseudo-cell."""
    size = len(smear.held_out.codes)
    counts = smear.held_out.counts.reshape(size, size, CONFIDENCE_BANDS).sum(axis=2) + np.eye(size)
    return counts / counts.sum(axis=1, keepdims=True)


def predicted(smear: Smear) -> np.ndarray:
    return smear.counts.reshape(-1, CONFIDENCE_BANDS).sum(axis=1).astype(float)


def plain(smear: Smear) -> np.ndarray:
    return predicted(smear) / len(smear.probabilities)


def mean_probability(smear: Smear) -> np.ndarray:
    return smear.probabilities.mean(axis=0)


def matrix_inverse(smear: Smear) -> np.ndarray:
    shares = np.linalg.lstsq(rates(smear).T, plain(smear), rcond=None)[0].clip(0)
    return shares / shares.sum()


def adjusted_count(smear: Smear) -> np.ndarray:
    return constrained_inversion(plain(smear), rates(smear))


def probabilistic_adjusted_count(smear: Smear) -> np.ndarray:
    size = len(smear.held_out.codes)
    sums = np.zeros((size, size))
    np.add.at(sums, smear.held_truth, smear.held_probabilities)
    return constrained_inversion(mean_probability(smear), sums / sums.sum(axis=1, keepdims=True))


def likelihood(smear: Smear) -> np.ndarray:
    return maximum_likelihood(predicted(smear), rates(smear), predicted(smear) + 1)


def likelihood_by_confidence(smear: Smear) -> np.ndarray:
    return correct_shares(smear.counts, smear.held_out, replicates=1).shares


def expectation_maximization(smear: Smear) -> np.ndarray:
    size = len(smear.held_out.codes)
    return saerens_em(smear.probabilities, np.full(size, 1 / size))


ESTIMATORS: dict[str, Callable[[Smear], np.ndarray]] = {
    "classify and count (plain)": plain,
    "mean probability": mean_probability,
    "inverse matrix, clipped": matrix_inverse,
    "adjusted count, constrained": adjusted_count,
    "probabilistic adjusted count": probabilistic_adjusted_count,
    "EM on probabilities (SLD)": expectation_maximization,
    "likelihood, predicted class": likelihood,
    "likelihood, class and confidence": likelihood_by_confidence,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smears", type=int, default=200)
    parser.add_argument("--cells", type=int, default=600, help="located cells per smear")
    parser.add_argument("--real", type=Path, help="predicted table with labels")
    options = parser.parse_args()
    sources = [real(options.real)] if options.real else []
    for source in (*sources, synthetic(), synthetic(0.6)):
        blasts = [source.codes.index(code) for code in BLASTS]
        table = {estimator: [] for estimator in ESTIMATORS}
        for place, name in enumerate(COMPOSITIONS):
            shares = composition(name, source.codes)
            errors = {estimator: [] for estimator in ESTIMATORS}
            for smear in smears(source, shares, options.smears, options.cells, seed=100 + place):
                for estimator, function in ESTIMATORS.items():
                    errors[estimator].append(100 * np.abs(function(smear) - shares))
            for estimator, values in errors.items():
                mean = np.mean(values, axis=0)
                table[estimator] += [mean.mean(), mean[blasts].mean()]
        print(f"{source.name}: mean error of all classes / of blasts; {', '.join(COMPOSITIONS)}")
        for estimator, values in sorted(table.items(), key=lambda row: np.mean(row[1][::2])):
            pairs = "   ".join(
                f"{one:.2f} / {two:.2f}" for one, two in zip(values[::2], values[1::2], strict=True)
            )
            print(f"  {estimator:34s} {pairs}   mean {np.mean(values[::2]):.3f}", flush=True)


if __name__ == "__main__":
    main()
