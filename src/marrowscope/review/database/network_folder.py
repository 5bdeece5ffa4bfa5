"""Whether a file lies on a network file system, on which SQLite can lose data."""

import os
from pathlib import Path

_NETWORK = {
    "9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "glusterfs", "gpfs", "lustre",
    "ncpfs", "nfs", "nfs4", "smb3", "smbfs", "virtiofs",
}  # fmt: skip
_MOUNTS = Path("/proc/self/mounts")


def network_file_system(path: Path, mounts: str | None = None) -> str | None:
    """Kind of the network file system that a path lies on; None where it is local or not known.

    SQLite's write-ahead log needs memory that all users of the file share, which no network file
    system offers (https://www.sqlite.org/wal.html).

    Args:
        path: of a file, which need not exist.
        mounts: table of mounts as of /proc/self/mounts; None: of this machine.
    """
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text(errors="surrogateescape")
        except OSError:  # no Linux
            return None
    real = os.path.realpath(path)
    best, kind = "", ""
    for line in mounts.splitlines():
        words = line.split()
        if len(words) < 3:
            continue
        place = words[1].replace("\\040", " ")
        inside = real == place or real.startswith(place.rstrip("/") + "/")
        if inside and len(place) >= len(best):
            best, kind = place, words[2]
    return kind if kind in _NETWORK else None
