"""A model and a time limit come in; what works on this machine, and how fast, comes out.

Nothing is imported here of the libraries that are examined.
"""

import os

from marrowscope.doctor.examination import SECONDS, Examination, examine
from marrowscope.models import DEFAULT_MODEL
from marrowscope.progress import Stage


def examine_machine(
    model: str | os.PathLike[str] | None = None,
    *,
    seconds: float = SECONDS,
    progress: Stage | None = None,
) -> Examination:
    """Say what works on this machine, how fast it is, and what to type for what is missing.

    Libraries are tried in two processes of their own, engines measured on random pixels. This works
    where a library of the core is broken, too: it is one of the checks.

    Args:
        model: name of a shipped model or bundle folder that the engines are measured with; None:
            the default.
        seconds: after which what is not done is left out, and said to be; more where libraries
            take long to load.
        progress: called with what begins, returns ``advance(done, total=...)``.
    """
    name = DEFAULT_MODEL if model is None else os.fspath(model)
    if progress is None:
        return examine(name, seconds)
    return examine(name, seconds, progress("examining this machine"))
