"""How often the intervals of a differential count cover the smear's true shares.

    nice python benchmarks/differential_coverage.py --smears 200 [--real predictions.parquet]

Prints for each composition the coverage of every class that makes up at least 1 % of the countable
cells: of the corrected interval, and of the Wilson interval of the plain count, which knows
nothing of the classifier's mistakes. With ``--real``, cells are drawn from a predicted table with
labels instead of the synthetic classes.
"""

import argparse
from pathlib import Path

import numpy as np

from marrowscope.differential.corrected_shares import REPLICATES, correct_shares, share_intervals
from marrowscope.differential.count_roles import role
from marrowscope.differential.held_out_answers import CONFIDENCE_BANDS
from marrowscope.morphology import CountRole
from marrowscope.scoring import wilson_interval
from simulated_smears import COMPOSITIONS, Source, composition, real, smears, synthetic


def coverage(source: Source, name: str, number: int, cells: int, replicates: int) -> list[str]:
    shares = composition(name, source.codes)
    among = np.array([role(code) is CountRole.COUNTED for code in source.codes])
    truth = np.where(among, shares, 0) / shares[among].sum()
    members = np.eye(len(shares), dtype=bool) & among
    corrected, plain, width = [], [], []
    drawn = smears(source, shares, number, cells, seed=list(COMPOSITIONS).index(name))
    for seed, smear in enumerate(drawn):  # one seed for all would make their errors alike
        estimate = correct_shares(smear.counts, smear.held_out, replicates, seed)
        _, low, high = share_intervals(estimate, members, among, seed)
        corrected.append((low <= truth) & (truth <= high))
        width.append(high - low)
        predicted = smear.counts.reshape(-1, CONFIDENCE_BANDS).sum(axis=1)
        low, high = wilson_interval(predicted, np.full(len(shares), predicted[among].sum()))
        plain.append((low <= truth) & (truth <= high))
    hits, naive, mean_width = (np.mean(one, axis=0) for one in (corrected, plain, width))
    wanted = np.flatnonzero(among & (truth >= 0.01))
    rare = among & (truth < 0.01)
    lines = [
        f"{source.name}, {name}: corrected mean {hits[wanted].mean():.3f} "
        f"min {hits[wanted].min():.3f}, plain mean {naive[wanted].mean():.3f} "
        f"min {naive[wanted].min():.3f}"
        + (f"; classes below 1 %: corrected mean {hits[rare].mean():.3f}" if rare.any() else "")
    ]
    lines += [
        f"  {source.codes[place]}  true {100 * truth[place]:5.1f} %  corrected {hits[place]:.3f} "
        f"(mean width {100 * mean_width[place]:4.1f} points)  plain {naive[place]:.3f}"
        for place in wanted
    ]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smears", type=int, default=200)
    parser.add_argument("--cells", type=int, default=600, help="located cells per smear")
    parser.add_argument("--replicates", type=int, default=REPLICATES)
    parser.add_argument("--real", type=Path, help="predicted table with labels to draw from")
    options = parser.parse_args()
    source = real(options.real) if options.real else synthetic()
    for name in COMPOSITIONS:
        lines = coverage(source, name, options.smears, options.cells, options.replicates)
        print(*lines, sep="\n", flush=True)


if __name__ == "__main__":
    main()
