"""The name of a library → the library, which does not report to its makers.

``import openvino`` sends an event to Google Analytics (package ``openvino_telemetry``, which
``openvino`` requires) unless the user has once said no; so do its converter and NNCF. All of them
do without it where it is not installed. Here it is made to look so: no command needs a network, and
nothing is said about anyone's work.
"""

import sys
from importlib import import_module
from typing import Any

REPORTS = "openvino_telemetry"
# Libraries that would use it; nothing else in this package may import them.
REPORTING = ("openvino", "nncf")


def import_silently(name: str) -> Any:
    """Import a module that would report its use.

    Where a program has imported OpenVINO before by itself, nothing is changed.

    Args:
        name: one of ``REPORTING``, or a module of theirs.

    Raises:
        ImportError: it is not there, or does not work.
    """
    there = REPORTS in sys.modules
    if not there:
        sys.modules[REPORTS] = None  # type: ignore[assignment]  # "there is no such module"
    try:
        return import_module(name)
    finally:
        if not there:
            del sys.modules[REPORTS]
