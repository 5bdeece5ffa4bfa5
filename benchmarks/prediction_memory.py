"""Memory of ``predict`` for few and for many images: it must not grow with their pixels.

Each number of images is predicted in a process of its own, which tells the most memory it ever
had. The images of the sample are named again and again; a row of the result takes about 300 bytes.

    python benchmarks/prediction_memory.py [--most 10000] [--json]
"""

import argparse
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from marrowscope.dataset.image_discovery import discover
from marrowscope.inference.batch_prediction import predict_table
from marrowscope.inference.engine_choice import choose_engine
from marrowscope.models.bundle import Bundle, load_bundle
from marrowscope.models.card import Card
from marrowscope.phantom.synthetic_dataset import write_dataset
from side_by_side import SAMPLE, versions

FEW = 1_000


def predict(folder: str, count: int) -> dict[str, float]:
    shipped = load_bundle("sequential-mll7")
    one_view = Bundle(shipped.model, Card(**{**vars(shipped.card), "views": 1}))
    engine, _ = choose_engine(one_view)
    found = [item.path for item in discover([Path(folder)])]
    table = pl.DataFrame({"path": list(itertools.islice(itertools.cycle(found), count))})
    began = time.perf_counter()
    result = predict_table(engine, table)
    seconds = time.perf_counter() - began
    assert result["predicted"].null_count() == 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"images": count, "images_per_second": count / seconds, "peak_mb": most}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--apart", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.apart:
        print(json.dumps(predict(options.apart[0], int(options.apart[1]))))
        return
    with tempfile.TemporaryDirectory() as made:
        if not SAMPLE.is_dir():
            write_dataset(Path(made), 20, 0)
        folder = str(SAMPLE) if SAMPLE.is_dir() else made
        runs = []
        for count in (FEW, options.most):
            command = [sys.executable, __file__, "--apart", folder, str(count)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            runs.append(json.loads(done.stdout))
    growth = runs[1]["peak_mb"] - runs[0]["peak_mb"]
    if options.json:
        print(json.dumps({"runs": runs, "growth_mb": growth, **versions("openvino", "polars")}))
        return
    print("Memory of prediction (sequential, one view, OpenVINO fp32)")
    for run in runs:
        print(f"  {run['images']:8d} images: at most {run['peak_mb']:.0f} MB, "
              f"{run['images_per_second']:.0f} images/s")  # fmt: skip
    print(f"  growth {growth:.0f} MB")


if __name__ == "__main__":
    main()
