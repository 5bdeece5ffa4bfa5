"""The review server: opening a large smear, relabelling by many readers, tiles, memory.

Claims, on two cores, over HTTP on this machine, with SQLite that writes to the disk before it
answers:

- a smear of 10,000 cells: its columns and the first sheet of pictures within a second;
- a relabel is acknowledged, and committed, within 50 ms for 95 % while 20 readers send one every
  half second each, as people do;
- at least 100 tiles a second;
- memory stays where it is over many requests;
- a smear opens within a second in a database of millions of cells (--database-cells).

    python benchmarks/review_speed.py [--cells 10000] [--requests 20000] [--database-cells 1000000]
"""

import argparse
import json
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import numpy as np
from sqlalchemy import insert

from marrowscope.review.database.connection import open_database
from marrowscope.review.database.schema_upgrade import upgrade_schema
from marrowscope.review.database.tables import cell
from marrowscope.review.readings.blinding import view_reading
from marrowscope.review.readings.cell_columns import cell_columns
from marrowscope.review.readings.reading_cycle import begin_reading
from marrowscope.review.server.people import ALL_ROLES, ensure_person
from marrowscope.review.sources.smear_record import announce_smear
from review_server import Client, Server, write_smear
from side_by_side import versions

READERS, EVERY, EACH = 20, 0.5, 20  # readers, seconds between two labels of one, labels of each


def opening(client: Client) -> dict[str, float]:
    """Seconds until the columns are there, and until the first pictures are."""
    client.ask("POST", "/api/smears/1/readings", {"role": "first"})
    begin = time.perf_counter()
    data = client.ask("GET", "/api/readings/1/cells")
    columns = time.perf_counter() - begin
    client.bytes("GET", data["sheets"][0])
    first = time.perf_counter() - begin
    for sheet in data["sheets"]:
        client.bytes("GET", sheet)
    whole = time.perf_counter() - begin
    return {
        "columns_s": columns, "first_sheet_s": first, "all_sheets_s": whole,
        "sheets": len(data["sheets"]),
    }  # fmt: skip


def relabelling(server: Server, cells: int) -> dict[str, float]:
    """Milliseconds until a label is acknowledged, with many readers at once."""
    taken: list[float] = []

    def reader(number: int) -> None:
        client = Client(server)
        time.sleep(number * EVERY / READERS)
        for turn in range(EACH):
            one = {"id": uuid4().hex, "kind": "label", "code": "NGS",
                   "cells": [1 + (number * EACH + turn) % cells]}  # fmt: skip
            begin = time.perf_counter()
            client.ask("POST", "/api/readings/1/events", {"events": [one], "since": 0})
            took = time.perf_counter() - begin
            taken.append(1000 * took)
            time.sleep(max(0.0, EVERY - took))

    threads = [threading.Thread(target=reader, args=(number,)) for number in range(READERS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    quantiles = statistics.quantiles(taken, n=100)
    return {"relabel_p50_ms": quantiles[49], "relabel_p95_ms": quantiles[94], "labels": len(taken)}


def tiles(server: Server, client: Client) -> dict[str, float]:
    """Tiles of the finest two levels in a second, by four browsers' worth of requests."""
    (image,) = client.ask("GET", "/api/smears/1/images")["images"]
    top = int(np.ceil(np.log2(max(image["width"], image["height"]))))
    addresses = [
        f"{image['url']}{level}/{column}_{row}.jpg"
        for level, side in ((top, 15), (top - 1, 7))
        for column in range(side)
        for row in range(side)
    ]
    local = threading.local()

    def get(address: str) -> int:
        if not hasattr(local, "client"):
            local.client = Client(server)
        return len(local.client.bytes("GET", address))

    begin = time.perf_counter()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(get, addresses))
    return {"tiles_per_s": len(addresses) / (time.perf_counter() - begin)}


def memory(server: Server, client: Client, requests: int) -> dict[str, float]:
    """Memory before and after many requests."""
    paths = ["/api/smears", "/api/readings/1/differential", "/api/cells/5?reading=1"]
    for turn in range(1_000):
        client.bytes("GET", paths[turn % 3])
    before = server.resident_mb()
    begin = time.perf_counter()
    for turn in range(requests):
        client.bytes("GET", paths[turn % 3])
    return {
        "memory_before_mb": before, "memory_after_mb": server.resident_mb(), "requests": requests,
        "requests_per_s": requests / (time.perf_counter() - begin),
    }  # fmt: skip


def large_database(folder: Path, cells: int, each: int = 500) -> dict[str, float]:
    """Seconds to open the middle smear among many."""
    database = open_database(folder / "large.sqlite")
    upgrade_schema(database)
    with database.writing() as connection:
        person = ensure_person(connection, "anna", ALL_ROLES)
    shares = np.full(21, 1 / 21, np.float32).tobytes()
    for block in range(0, cells // each, 100):
        with database.writing() as connection:
            rows = []
            for name in range(block, min(block + 100, cells // each)):
                smear = announce_smear(
                    connection, str(name), "table", (), str(name), None, "counted"
                )
                rows += [
                    {"smear_id": smear, "uid": f"{smear}-{place}", "by_place": place,
                     "by_class": place, "path": "x.png", "in_field": False, "predicted": "NGS",
                     "confidence": 0.9, "margin": 0.8, "probabilities": shares}
                    for place in range(each)
                ]  # fmt: skip
            connection.execute(insert(cell), rows)
    middle = cells // each // 2
    begin = time.perf_counter()
    reading, _ = begin_reading(database, middle, "first", person.id)
    with database.reading() as connection:
        view = view_reading(connection, reading.id, person.id, True)
        cell_columns(connection, view, 0, 0, 20_000)
    took = time.perf_counter() - begin
    database.close()
    size = (folder / "large.sqlite").stat().st_size / 1e6
    return {"database_cells": cells, "database_mb": size, "open_s": took}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--database-cells", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = Server(write_smear(folder, options.cells))
        try:
            client = Client(server)
            found = {**opening(client), **relabelling(server, options.cells)}
            found |= tiles(server, client)
            found |= memory(server, client, options.requests)
        finally:
            server.kill()
        found |= large_database(folder, options.database_cells)
    about = {"versions": versions("sqlalchemy", "starlette", "uvicorn")}
    print(json.dumps({**about, **found}, indent=2))


if __name__ == "__main__":
    main()
