"""A review server that is killed in a storm of decisions has lost nothing that it acknowledged.

benchmarks/review_kill_storm.py does the same a hundred times.
"""

import http.client
from pathlib import Path
from threading import Event, Thread

import pytest
import sqlalchemy as sa

from marrowscope.review.database.chain_audit import audit
from marrowscope.review.database.schema_upgrade import open_existing
from marrowscope.review.database.tables import event as event_table
from support.review_process import ServerProcess
from support.review_smears import cells, event

READERS, KILLED_AFTER = 4, (80,)  # acknowledged events


def storm(server: ServerProcess, acknowledged: list[str], enough: int, reached: Event) -> None:
    """Send decisions until the server is gone."""
    while True:
        sent = [event("label", cells=[1 + len(acknowledged) % 30], code=code) for code in
                ("BLA", "NGS")]  # fmt: skip
        try:
            answer = server.ask("POST", "/api/readings/1/events", {"events": sent})
        except (OSError, http.client.HTTPException):
            return
        acknowledged += [one["id"] for one in answer["results"] if one["status"] == "saved"]
        if len(acknowledged) >= enough:
            reached.set()


@pytest.mark.parametrize("enough", KILLED_AFTER)
def test_what_was_acknowledged_is_there_and_the_chain_is_whole(tmp_path: Path, enough: int) -> None:
    table = tmp_path / "smear.parquet"
    cells(30, tmp_path).write_parquet(table)
    server = ServerProcess(table)
    server.ask("POST", "/api/smears/1/readings", {"role": "first"})
    acknowledged: list[str] = []
    reached = Event()
    threads = [
        Thread(target=storm, args=(server, acknowledged, enough, reached)) for _ in range(READERS)
    ]
    for one in threads:
        one.start()
    assert reached.wait(60)
    server.kill()
    for one in threads:
        one.join()
    opened = open_existing(tmp_path / "smear.review.sqlite")
    with opened.reading() as connection:
        there = set(connection.execute(sa.select(event_table.c.client_id)).scalars())
    found = audit(opened)
    opened.close()
    assert found.problems == ()
    assert len(acknowledged) >= enough
    assert set(acknowledged) <= there
    # Batches of two: a transaction is there as a whole or not at all.
    assert sum(name is not None for name in there) % 2 == 0
