"""The review server is killed again and again in a storm of decisions: nothing may be lost.

Claim: of every decision that was acknowledged before SIGKILL, all is in the database; no batch is
there in part; the chain of hashes is whole. The kills come at random moments.

    python benchmarks/review_kill_storm.py [--kills 100]
"""

import argparse
import http.client
import json
import random
import tempfile
import threading
import time
from pathlib import Path
from uuid import uuid4

from sqlalchemy import select

from marrowscope.review.database.chain_audit import audit
from marrowscope.review.database.schema_upgrade import open_existing
from marrowscope.review.database.tables import event
from review_server import Client, Server, write_smear

READERS, CELLS, LONGEST = 8, 500, 1.0  # of a storm, seconds


def storm(server: Server, acknowledged: list[str], sent: list[tuple[str, ...]]) -> None:
    """Send batches of three decisions until the server is gone."""
    client = Client(server)
    while True:
        batch = [
            {"id": uuid4().hex, "kind": "label", "cells": [random.randint(1, CELLS)], "code": code}
            for code in ("BLA", "NGS", "EBO")
        ]
        sent.append(tuple(str(one["id"]) for one in batch))
        try:
            answer = client.ask("POST", "/api/readings/1/events", {"events": batch})
        except (OSError, http.client.HTTPException):
            return
        acknowledged += [one["id"] for one in answer["results"] if one["status"] == "saved"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    options = parser.parse_args()
    acknowledged: list[str] = []
    sent: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory() as name:
        table = write_smear(Path(name), CELLS, 1_000)
        lost = halves = broken = 0
        for _ in range(options.kills):
            server = Server(table)
            Client(server).ask("POST", "/api/smears/1/readings", {"role": "first"})
            threads = [
                threading.Thread(target=storm, args=(server, acknowledged, sent))
                for _ in range(READERS)
            ]
            for one in threads:
                one.start()
            time.sleep(random.uniform(0, LONGEST))
            server.kill()
            for one in threads:
                one.join()
            database = open_existing(Path(name) / "smear.review.sqlite")
            with database.reading() as connection:
                there = set(connection.execute(select(event.c.client_id)).scalars())
            lost += len(set(acknowledged) - there)
            halves += sum(0 < len(there & set(batch)) < len(batch) for batch in sent)
            broken += not audit(database).whole
            database.close()
    print(json.dumps({
        "kills": options.kills, "acknowledged": len(acknowledged), "batches_sent": len(sent),
        "lost": lost, "half_batches": halves, "broken_chains": broken,
    }, indent=2))  # fmt: skip
    assert lost + halves + broken == 0


if __name__ == "__main__":
    main()
