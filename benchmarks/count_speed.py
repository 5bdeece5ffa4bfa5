"""The count on synthetic fields of 2452×2056 px: seconds per field, and to a finished report.

Two claims. A field, read from JPEG, judged, its cells found and its picture made, takes so much
processor time on one core; what the classifier takes is told apart. And a folder of 100 fields of
few cells, of which all are needed, becomes a report of 500 cells, PDF included, in so much time on
all cores, with plain PyTorch and with OpenVINO, in int8 where the bundle has such a part.

Wall-clock times need an idle machine.

    python benchmarks/count_speed.py [--fields 100] [--model BUNDLE] [--json]
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import cv2
import torch

from marrowscope.counting.count_smear import CountSettings, count_smear
from marrowscope.counting.field_result import analyse_field
from marrowscope.counting.smear_sources import open_smears
from marrowscope.inference.engine_choice import choose_engine
from marrowscope.models.bundle import Bundle, load_bundle
from marrowscope.phantom.field_settings import FieldSettings
from marrowscope.phantom.synthetic_fields import write_fields
from marrowscope.phantom.synthetic_slide import SlideSettings, write_slide
from marrowscope.preprocessing import MICRONS_PER_PIXEL
from marrowscope.report.count.count_report import write_count_report
from marrowscope.smear.field_plan import PlannedField, plan_field_images
from side_by_side import versions

WANTED = 500
DENSE, SPARSE = 2500.0, 130.0  # per mm²: about 94 and 9 cells in a field, many of these cut


def seconds_per_field(folder: Path) -> dict[str, float]:
    """Processor time of one field image and of one field of a slide, on one core."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    write_fields(folder / "dense", 10, FieldSettings(cells_per_mm2=DENSE), 1)
    (smear,), _ = open_smears([folder / "dense"], MICRONS_PER_PIXEL)
    plan = plan_field_images(smear.slide).fields
    cells = [
        analyse_field(smear.slide, field).detections.cells.height for field in plan
    ]  # warms up
    result = {
        "cells_per_field": statistics.mean(cells),
        "field_image_s": statistics.median(timed(smear.slide, field) for field in plan),
    }
    write_slide(folder / "slide.tif", SlideSettings(width=9_000, height=7_000), 1)
    (smear,), _ = open_smears([folder / "slide.tif"])
    places = [(x, y) for x in range(600, 6_000, 2_452) for y in range(600, 4_400, 2_056)]
    pieces = [
        PlannedField(order, x, y, 2452, 2056, 1.0, 0.0, 0, f"{x}-{y}")
        for order, (x, y) in enumerate(places)
    ]
    analyse_field(smear.slide, pieces[0])
    result["field_of_slide_s"] = statistics.median(timed(smear.slide, field) for field in pieces)
    return result


def timed(slide: object, field: PlannedField) -> float:
    began = time.process_time()
    analyse_field(slide, field)  # type: ignore[arg-type]
    return time.process_time() - began


def to_report(bundle: Bundle, engine: str, fields: Path, folder: Path) -> dict[str, float | str]:
    """Wall-clock seconds from the folder of fields to the written report, engine start included."""
    began = time.perf_counter()
    computing, _ = choose_engine(bundle, engine)
    (smear,), _ = open_smears([fields], MICRONS_PER_PIXEL)
    ready = time.perf_counter()
    done = count_smear(smear, computing, bundle.card, CountSettings(WANTED))
    counted = time.perf_counter()
    write_count_report(done, folder)
    ended = time.perf_counter()
    return {
        "engine": computing.name,
        "views": bundle.card.views,
        "fields": len(done.fields),
        "cells": done.cells.height,
        "countable": done.differential.tally.countable,
        "start_s": ready - began,
        "count_s": counted - ready,
        "report_s": ended - counted,
        "total_s": ended - began,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fields", type=int, default=100)
    parser.add_argument("--model", default="sequential-mll7")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    bundle = load_bundle(options.model)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write_fields(folder / "sparse", options.fields, FieldSettings(cells_per_mm2=SPARSE), 2)
        fast = "int8" if bundle.card.int8 else "openvino"
        runs = [
            to_report(load_bundle(options.model), engine, folder / "sparse", folder / engine)
            for engine in (fast, "torch")
        ]
        field = seconds_per_field(folder)  # last, for it takes the threads away
    facts = versions("torch", "openvino", "opencv-python-headless", "weasyprint")
    if options.json:
        print(json.dumps({"claim": "count", "field": field, "to_report": runs, **facts}))
        return
    print(f"A field of 2452×2056 px with {field['cells_per_field']:.0f} cells, one core, "
          "processor time, without classification")  # fmt: skip
    print(f"  field image   {field['field_image_s']:.2f} s")
    print(f"  of a slide    {field['field_of_slide_s']:.2f} s")
    print(f"{options.fields} fields to a report, all cores")
    for run in runs:
        print(f"  {run['engine']} ({run['views']} views): {run['total_s']:.1f} s = start "
              f"{run['start_s']:.1f} + count {run['count_s']:.1f} + report {run['report_s']:.1f}; "
              f"{run['countable']} of {run['cells']} cells, {run['fields']} fields")  # fmt: skip
    for name, value in facts.items():
        print(f"  {name}: {value}")


if __name__ == "__main__":
    main()
