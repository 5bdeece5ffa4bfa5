"""Fixtures of all tests; helpers that are imported lie in ``support``."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import hypothesis
import numpy as np
import pytest
from matplotlib.figure import Figure

from marrowscope.io.image_encoding import encode_png
from marrowscope.review.database.connection import Database, open_database
from marrowscope.review.database.schema_upgrade import upgrade_schema
from support import postgres
from support.chromium import started_chromium
from support.clusters import two_workers
from support.command_shell import Shell
from support.page_modules import PageModules, page_modules
from support.real_data import DATA
from support.review_site import ReviewSite, started_site

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# How long an example takes depends on what ran before (imports, compiled loops) and on the machine.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")
# Channels, kernel, stride, pooling: down to the same last map of 7×7.
_THIN = ((8, 5, 4, True), (8, 3, 1, True), (12, 3, 1, True))


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Shell:
    """The command line in this process."""
    return Shell(monkeypatch, capfd)


@pytest.fixture
def without_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trained network is not converted for OpenVINO: that takes a second, and has its tests."""
    monkeypatch.setattr("marrowscope.models.bundle_writer.make_graph", lambda model, card: ({}, {}))


@pytest.fixture(scope="module")
def thin_network() -> Iterator[None]:
    """The sequential network with a tenth of its work, for tests of what is done with networks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("marrowscope.models.sequential.LAYERS", _THIN)
        yield


@pytest.fixture
def blank_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are not drawn, which is most of a report's time: what they show has tests."""
    blank = encode_png(np.full((4, 4, 3), 255, np.uint8))

    def save(figure: Figure, target: BinaryIO | Path, **options: object) -> None:
        if isinstance(target, Path):
            target.write_bytes(blank)
        else:
            target.write(blank)

    monkeypatch.setattr(Figure, "savefig", save)


@pytest.fixture(scope="session")
def cluster_address() -> Iterator[str]:
    """Two Dask workers of one thread each; a slide called poison ends the process of its worker."""
    with two_workers() as address:
        yield address


@pytest.fixture(scope="session")
def mll_sample() -> Path:
    """Folder of 3,050 originals of seven classes, in the layout of the public release."""
    folder = DATA / "mll-sample"
    if not folder.is_dir():
        pytest.skip(f"real sample not found at {folder}; set MARROWSCOPE_DATA to its parent folder")
    return folder


@pytest.fixture(scope="session")
def postgres_database() -> Iterator[Callable[[], str]]:
    """What makes an empty database on a PostgreSQL server of this test process."""
    if postgres.programs() is None:
        pytest.skip("PostgreSQL is not installed: apt install postgresql")
    with postgres.server() as new_database:
        yield new_database


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of reviews, of either kind."""
    address = str(tmp_path / "review.sqlite")
    if request.param == "postgresql":
        address = request.getfixturevalue("postgres_database")()
    opened = open_database(address)
    upgrade_schema(opened)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    """A browser for the tests of a file."""
    with started_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def modules(chromium: "Browser") -> Iterator[PageModules]:
    """The modules of the review page that have no DOM."""
    with page_modules(chromium) as found:
        yield found


@pytest.fixture(scope="module")
def site(chromium: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReviewSite]:
    """A review server with a browser; pages that complain of anything fail the test file."""
    with started_site(tmp_path_factory.mktemp("site"), chromium) as found:
        yield found
    assert found.problems == []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how to repeat the order of this run: it is another one each time."""
    seed = terminalreporter.config.getoption("randomly_seed", None)
    if seed is not None:  # None under -p no:randomly
        terminalreporter.write_line(f"the same order again: pytest --randomly-seed={seed}")
