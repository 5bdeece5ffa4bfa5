"""The review page in a browser: first picture, scrolling, key to paint, and that nothing is lost.

A reader with keys only goes through 500 cells of 10,000: confirms what the model proposed, and
corrects 75 of them. It needs the extras ``review`` and ``test`` and the system's chromium.

    python benchmarks/review_page.py [--cells 10000] [--pace 0.5] [--json]

The figures are wall time: leave the machine alone meanwhile.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from marrowscope.cells import PROBABILITY
from marrowscope.io.image_encoding import encode_png
from marrowscope.morphology import CODES
from marrowscope.phantom.synthetic_cell import draw_cell
from side_by_side import processor

DECISIONS, CORRECTIONS = 500, 75
DRAWN = 300  # different pictures; further cells show one of these again
VIEWPORT = {"width": 1366, "height": 768}

# From a key to the end of the frame that shows what it did.
_WATCH_KEYS = """() => {
    window.paints = [];
    window.addEventListener("keydown", () => {
        const pressed = performance.now();
        requestAnimationFrame(() => {
            const channel = new MessageChannel();
            channel.port1.onmessage = () => window.paints.push(performance.now() - pressed);
            channel.port2.postMessage(0);
        });
    }, true);
}"""
_SCROLL = """async () => {
    const grid = document.querySelector(".grid");
    const frames = [];
    let last = performance.now();
    for (let step = 0; step < 200; step += 1) {
        grid.scrollTop += 300;
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        frames.push(now - last);
        last = now;
    }
    return frames;
}"""


def write_cells(folder: Path, number: int) -> Path:
    """A cell table with made-up answers beside pictures of phantom cells."""
    rng = np.random.default_rng(0)
    paths = []
    for place in range(min(DRAWN, number)):
        path = folder / f"cell_{place:04d}.png"
        path.write_bytes(encode_png(draw_cell(CODES[place % len(CODES)], place).image))
        paths.append(str(path))
    shares = rng.dirichlet(np.full(len(CODES), 0.05), number).astype(np.float32)
    table = pl.DataFrame({
        "cell_id": [f"c{row}" for row in range(number)],
        "path": [paths[row % len(paths)] for row in range(number)],
        "predicted": [CODES[place] for place in shares.argmax(axis=1)],
        "confidence": shares.max(axis=1),
        **{PROBABILITY + code: shares[:, place] for place, code in enumerate(CODES)},
    })  # fmt: skip
    table.write_parquet(folder / "cells.parquet")
    return folder / "cells.parquet"


def percentiles(values: list[float]) -> dict[str, float]:
    """Median, 95th percentile and largest, in ms."""
    ranked = sorted(values)
    at = min(len(ranked) - 1, round(0.95 * len(ranked)))
    return {"median": round(statistics.median(ranked), 1), "p95": round(ranked[at], 1),
            "most": round(ranked[-1], 1)}  # fmt: skip


def measured(link: str, chromium: str, pace: float) -> dict[str, Any]:
    """Go through the page as a reader does."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=VIEWPORT)
        page.goto(link)
        page.wait_for_selector("table.list a")
        begun = time.perf_counter()
        with page.expect_response("**/sheets/**") as sheet:
            page.click("table.list a")
        sheet.value.finished()
        page.wait_for_selector(".tile")
        first = time.perf_counter() - begun
        page.click('[data-class="all"]')
        page.wait_for_timeout(1000)
        frames = page.evaluate(_SCROLL)
        page.keyboard.press("Home")
        page.evaluate(_WATCH_KEYS)
        begun = time.perf_counter()
        for number in range(DECISIONS):
            corrected = number % (DECISIONS // CORRECTIONS) == 0 and number // 6 < CORRECTIONS
            page.keyboard.press("m" if corrected else "Enter")
            page.wait_for_timeout(1000 * pace)
        page.wait_for_selector(".save-state.saved")
        seconds = time.perf_counter() - begun
        paints = page.evaluate("window.paints")
        origin = page.url.split("/#")[0]
        reading = page.request.get(f"{origin}/api/smears/1").json()["readings"][0]
        browser.close()
    return {
        "first picture, s": round(first, 2),
        "frame while scrolling, ms": percentiles(frames),
        "key to paint, ms": percentiles(paints),
        "review of 500 cells, s": round(seconds, 1),
        "decisions made": DECISIONS,
        "decisions in the database": reading["decided"],
    }


def main() -> None:
    """Make the cells, serve them, review, and say what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--pace", type=float, default=0.1, help="seconds between two keys")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        print("chromium is not installed: apt install chromium")
        return
    with tempfile.TemporaryDirectory() as folder:
        table = write_cells(Path(folder), given.cells)
        command = [sys.executable, "-m", "marrowscope", "review", str(table), "--no-browser"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                link = next(word for word in iter(server.stdout.readline, "") if "token=" in word)
                found = {"processor": processor(), "cells": given.cells,
                         **measured(link.strip(), chromium, given.pace)}  # fmt: skip
            finally:
                server.terminate()
    print(json.dumps(found) if given.json else "\n".join(f"{k}: {v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
