"""A review server in a process of its own, for the benchmarks of reviews; none by itself."""

import http.client
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import polars as pl

from marrowscope.io.image_encoding import encode_png
from marrowscope.morphology import CODES

_SERVE = """
import sys
from pathlib import Path
from marrowscope.review.server.local_server import opened_review, serve_locally

def never(kind, path, folder, progress):
    raise AssertionError(kind)

with opened_review([Path(sys.argv[1])], None, "anna", never) as service:
    serve_locally(service, None, lambda link: print(link, flush=True))
"""


class Server:
    """``marrowscope review`` of a cell table."""

    def __init__(self, table: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(table)], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        link = self.process.stdout.readline().strip()
        address, _, self.token = link.partition("/?token=")
        self.host = urlsplit(address).netloc

    def kill(self) -> None:
        """SIGKILL, at once."""
        self.process.kill()
        self.process.wait()

    def resident_mb(self) -> float:
        """Memory that the process holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(one for one in status.splitlines() if one.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


class Client:
    """One browser: a connection that stays open."""

    def __init__(self, server: Server) -> None:
        self._connection = http.client.HTTPConnection(server.host, timeout=60)
        self._headers = {"Authorization": f"Bearer {server.token}", "Host": server.host}

    def bytes(self, method: str, path: str, data: object = None) -> bytes:
        """Content of an answer."""
        body = None if data is None else json.dumps(data)
        headers = {**self._headers, "Content-Type": "application/json"}
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:200]!r}")
        return content

    def ask(self, method: str, path: str, data: object = None) -> Any:
        """JSON of an answer."""
        return json.loads(self.bytes(method, path, data))


def write_smear(folder: Path, number: int, side: int = 4_000) -> Path:
    """A cell table of so many cells in one field of noise, with answers of all classes."""
    random = np.random.default_rng(0)
    (folder / "field.png").write_bytes(
        encode_png(random.integers(0, 256, (side, side, 3), dtype=np.uint8))
    )
    shares = random.dirichlet(np.full(len(CODES), 0.3), number).astype(np.float32)
    table = pl.DataFrame({
        "cell_id": [f"c{row}" for row in range(number)],
        "path": [str(folder / "field.png")] * number,
        "field_id": ["field.png"] * number,
        "in_field": [True] * number,
        "x": random.uniform(100, side - 100, number),
        "y": random.uniform(100, side - 100, number),
        "microns_per_pixel": [0.08625] * number,
        **{f"p_{code}": shares[:, place] for place, code in enumerate(CODES)},
        "predicted": [CODES[place] for place in shares.argmax(axis=1)],
        "confidence": shares.max(axis=1),
    })  # fmt: skip
    table.write_parquet(folder / "smear.parquet")
    return folder / "smear.parquet"
