"""Real images live outside the repository; tests that need them skip with a reason."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("MARROWSCOPE_DATA", REPOSITORY.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def mll_sample() -> Path:
    """Folder of 3,050 originals of seven classes, in the layout of the public release."""
    folder = DATA / "mll-sample"
    if not folder.is_dir():
        pytest.skip(f"real sample not found at {folder}; set MARROWSCOPE_DATA to its parent folder")
    return folder
