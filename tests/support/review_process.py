"""A review server in a process of its own, which can be killed."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

_SERVE = """
import sys
from pathlib import Path
from marrowscope.review.server.local_server import opened_review, serve_locally

def never(kind, path, folder, progress):
    raise AssertionError(kind)

with opened_review([Path(sys.argv[1])], None, "anna", never) as service:
    serve_locally(service, None, lambda link: print(link, flush=True))
"""


class ServerProcess:
    """``marrowscope review`` of a cell table; requests with the token of its link."""

    def __init__(self, table: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(table)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        link = self._process.stdout.readline().strip()
        assert link, "the server did not start"
        self._address, _, self._token = link.partition("/?token=")

    def ask(self, method: str, path: str, data: object = None) -> Any:
        """JSON of the answer.

        Raises:
            OSError: there is none, because the server was killed.
        """
        request = urllib.request.Request(
            self._address + path,
            None if data is None else json.dumps(data).encode(),
            {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def kill(self) -> None:
        """SIGKILL, at once."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
