import errno
from pathlib import Path

import pytest

from marrowscope.errors import InputError
from marrowscope.training.run_folder import explained_interruptions


def test_a_full_disk_is_one_line_that_says_how_to_continue(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match=r"run: No space left.*continue with `resume=True`"),
        explained_interruptions(tmp_path / "run"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_an_exit_inside_a_training_counts_as_interrupted_by_the_user(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), explained_interruptions(tmp_path):
        raise SystemExit(1)


def test_other_errors_pass_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="wrong weights"), explained_interruptions(tmp_path):
        raise InputError("wrong weights")
