"""From the operating system to checks of Python, cores, memory, folders and terminal."""

import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

from marrowscope._about import __version__
from marrowscope.doctor.health_check import Check, State

GROUP, FOLDERS = "machine", "folders"
LEAST_MEMORY = 2e9  # bytes; a count of a slide takes about one gigabyte
LEAST_SPACE = 1e9  # bytes
BUSY = 0.5  # load per core
# Signs that messages and reports use: units, ranges, arrows.
SIGNS = "µ×–→²…"
ROOT = Path("/")


def python() -> Check:
    """Version, interpreter and system."""
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    facts = {
        "marrowscope": __version__,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "executable": sys.executable,
        "system": system,
    }
    sentence = f"{facts['implementation']} {facts['python']} on {system}"
    return Check(GROUP, "python", State.OK, sentence, facts=facts)


def cores(root: Path = ROOT) -> Check:
    """Cores that this process may use, which in a container are often fewer than there are.

    Args:
        root: of the file system; for tests.
    """
    installed = os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else installed
    quota = cgroup_cores(root)
    usable = allowed if quota is None else min(allowed, quota)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    sentence = f"{usable:g} usable" + ("" if usable == installed else f" of {installed}")
    if load is not None and load > BUSY * installed:
        sentence += f"; other programs use them as well (load {load:.1f}): speeds may be too low"
    facts = {
        "usable": usable,
        "installed": installed,
        "affinity": allowed,
        "cgroup_quota": quota,
        "load": load,
    }
    return Check(GROUP, "cores", State.OK, sentence, facts=facts)


def cgroup_cores(root: Path = ROOT) -> float | None:
    """Processors' worth of time that the control group allows; None without a limit."""
    group = root / "sys/fs/cgroup"
    try:
        if (group / "cpu.max").is_file():  # version 2
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota = (group / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (group / "cpu/cpu.cfs_period_us").read_text().strip()
        return None if quota == "max" or int(quota) <= 0 else int(quota) / int(period)
    except (OSError, ValueError):
        return None


def memory(root: Path = ROOT) -> Check:
    """Memory that this process may use, in bytes, and how much of it is free."""
    total, free = _memory(root)
    limit = _cgroup_memory(root)
    if limit is not None and (total is None or limit < total):
        total, free = limit, None if free is None else min(free, limit)
    facts = {"usable_bytes": total, "free_bytes": free}
    if total is None:
        return Check(GROUP, "memory", State.OK, "not known on this system", facts=facts)
    sentence = f"{total / 1e9:.1f} GB usable"
    if free is not None:
        sentence += f", {free / 1e9:.1f} GB free"
    if (total if free is None else free) < LEAST_MEMORY:
        advice = "close other programs, or give the container more memory"
        return Check(GROUP, "memory", State.PROBLEM, f"only {sentence}", advice, facts=facts)
    return Check(GROUP, "memory", State.OK, sentence, facts=facts)


def _memory(root: Path) -> tuple[int | None, int | None]:
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
        values = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
        return values["MemTotal"], values.get("MemAvailable")
    except (OSError, ValueError, IndexError, KeyError):
        pass
    try:  # macOS
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), None
    except (AttributeError, OSError, ValueError):
        return None, None


def _cgroup_memory(root: Path) -> int | None:
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            limit = int((root / "sys/fs/cgroup" / name).read_text())
        except (OSError, ValueError):  # not there, or "max"
            continue
        return limit
    return None


def folder(name: str, path: Path) -> Check:
    """Whether files can be written to a folder, and how much space there is.

    Args:
        name: how the check is called.
        path: the folder; one that is not there yet is judged by the folder that would hold it.
    """
    advice = {
        "working folder": "change to a folder of your own, or name one with -o",
        "temp folder": "export TMPDIR=/a/folder/with/space",
        "cache folder": "export XDG_CACHE_HOME=/a/folder/that/you/can/write",
    }[name]
    there = next(one for one in (path, *path.parents) if one.is_dir())
    facts: dict[str, object] = {"path": str(path), "writable": False, "free_bytes": None}
    try:
        with tempfile.TemporaryFile(dir=there) as stream:
            stream.write(b"marrowscope")
    except OSError as error:
        sentence = f"{path}: cannot be written ({error.strerror or error})"
        return Check(FOLDERS, name, State.PROBLEM, sentence, advice, facts=facts)
    free = shutil.disk_usage(there).free
    facts |= {"writable": True, "free_bytes": free}
    sentence = f"{path}: can be written, {free / 1e9:.1f} GB free"
    state = State.PROBLEM if free < LEAST_SPACE else State.OK
    return Check(FOLDERS, name, state, sentence, advice if state != State.OK else None, facts=facts)


def working_folder() -> Check:
    """Where results go if no other folder is named."""
    return folder("working folder", Path.cwd())


def temp_folder() -> Check:
    """Where slides are unpacked and arrays are kept for a while."""
    try:
        return folder("temp folder", Path(tempfile.gettempdir()))
    except FileNotFoundError:  # Python found none that it could write to
        sentence = "there is no folder for temporary files that can be written"
        advice = "export TMPDIR=/a/folder/with/space"
        return Check(FOLDERS, "temp folder", State.PROBLEM, sentence, advice)


def cache_folder() -> Check:
    """Where libraries keep compiled code and lists of fonts from one run to the next."""
    if "XDG_CACHE_HOME" in os.environ:
        path = Path(os.environ["XDG_CACHE_HOME"])
    elif sys.platform == "win32":
        path = Path(os.environ.get("LOCALAPPDATA", tempfile.gettempdir()))
    else:
        own = "Library/Caches" if sys.platform == "darwin" else ".cache"
        path = Path.home() / own
    return folder("cache folder", path)


def terminal(encoding: str | None = None) -> Check:
    """Whether the terminal can show the signs of messages.

    Args:
        encoding: of standard output; None asks for it.
    """
    # Not sys.stdout, for which a progress bar puts something else while it is shown.
    encoding = encoding or getattr(sys.__stdout__, "encoding", None) or "ascii"
    facts = {"encoding": encoding}
    try:
        SIGNS.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        sentence = f"{encoding} cannot show signs such as µ and ×"
        advice = "set PYTHONUTF8=1" if sys.platform == "win32" else "export PYTHONUTF8=1"
        return Check(GROUP, "terminal", State.PROBLEM, sentence, advice, facts=facts)
    return Check(GROUP, "terminal", State.OK, f"encoding {encoding}", facts=facts)
