"""Network file systems, on which SQLite loses data, are told by the table of mounts."""

from pathlib import Path

import pytest

from marrowscope.errors import InputError
from marrowscope.review.database import connection
from marrowscope.review.database.network_folder import network_file_system

MOUNTS = """/dev/sda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb1 /home/local ext4 rw 0 0
//nas/share /mnt/my\\040share cifs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/data/review.sqlite", None),
        ("/home/anna/review.sqlite", "nfs4"),
        ("/home/local/review.sqlite", None),
        ("/homeless/review.sqlite", None),
        ("/mnt/my share/review.sqlite", "cifs"),
    ],
)
def test_the_innermost_mount_decides(path: str, kind: str | None) -> None:
    assert network_file_system(Path(path), MOUNTS) == kind


def test_a_database_there_is_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "network_file_system", lambda path: "nfs4")
    with pytest.raises(InputError, match=r"network file system \(nfs4\).*postgresql://"):
        connection.open_database(tmp_path / "review.sqlite")
    assert list(tmp_path.iterdir()) == []
