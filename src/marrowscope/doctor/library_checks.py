"""From what is installed to checks of the core's libraries and of every extra."""

import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from marrowscope.doctor.health_check import Check, State
from marrowscope.doctor.isolated_calls import AGAIN, Answer
from marrowscope.doctor.library_trials import TRIALS
from marrowscope.extras import EXTRAS, install_line
from marrowscope.silent_import import import_silently

GROUP = "libraries"
# What is imported of the libraries without which no command works.
CORE = (
    "numpy",
    "scipy",
    "polars",
    "python_calamine",
    "cv2",
    "PIL",
    "simplejpeg",
    "tifffile",
    "openslide",
    "openvino",
    "numba",
    "safetensors",
    "matplotlib",
    "jinja2",
    "yaml",
    "rich",
    "typer",
)
# Where a library is installed under another name than it is imported by.
DISTRIBUTIONS = {
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "yaml": "pyyaml",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "umap": "umap-learn",
    "openslide": "openslide-python",
    "python_calamine": "python-calamine",
}


def modules_to_try() -> tuple[str, ...]:
    """Modules of the core and of all extras that are installed, each once; those of the core first.

    Nothing is imported.
    """
    named = dict.fromkeys((*CORE, *(name for one in EXTRAS.values() for name in one.modules)))
    return tuple(name for name in named if find_spec(name) is not None)


def try_library(module: str) -> str:
    """Import a library and try what is used of it; its version. Called in a process of its own."""
    loaded = import_silently(module)
    if module in TRIALS:
        TRIALS[module]()
    try:
        return version(distribution(module))
    except PackageNotFoundError:
        return str(getattr(loaded, "__version__", "unknown"))


def distribution(module: str) -> str:
    """Under which name a module is installed."""
    return DISTRIBUTIONS.get(module, module)


def core_libraries(answers: Mapping[str, Answer]) -> Check:
    """Whether all the libraries of the core can be imported.

    Args:
        answers: of ``try_library``, by module; what is not installed has none.
    """
    bad = _missing_and_broken(CORE, answers)
    facts = _facts(CORE, answers)
    if bad:
        names = " ".join(distribution(module) for module in bad)
        advice = f"pip install --force-reinstall {names}"
        return Check(GROUP, "core", State.PROBLEM, _reasons(bad), advice, True, facts)
    state, again = _whether_in_time(CORE, answers)
    # What could not be tried in the time is no proof that nothing works.
    return Check(GROUP, "core", state, _versions(CORE, answers), again, state == State.OK, facts)


def extra(name: str, answers: Mapping[str, Answer]) -> Check:
    """Whether an extra is installed and can be imported.

    Args:
        name: one of ``EXTRAS``.
        answers: of ``try_library``, by module; what is not installed has none.
    """
    wanted = EXTRAS[name]
    bad = _missing_and_broken(wanted.modules, answers)
    facts = {"purpose": wanted.purpose, **_facts(wanted.modules, answers)}
    if not bad:
        sentence = f"{wanted.purpose}: {_versions(wanted.modules, answers)}"
        state, again = _whether_in_time(wanted.modules, answers)
        return Check(GROUP, name, state, sentence, again, False, facts)
    broken = [module for module in bad if module in answers]
    if broken:
        names = " ".join(distribution(module) for module in broken)
        advice = f"pip install --force-reinstall {names}"
        return Check(GROUP, name, State.PROBLEM, _reasons(bad), advice, False, facts)
    sentence = f"{wanted.purpose}: not installed ({', '.join(bad)})"
    advice = install_line(name)
    if wanted.below is not None and sys.version_info[:2] >= wanted.below:
        sentence += f"; there is no build for Python {wanted.below[0]}.{wanted.below[1]} yet"
        advice = "use an earlier Python"
    return Check(GROUP, name, State.MISSING, sentence, advice, False, facts)


def _missing_and_broken(modules: Sequence[str], answers: Mapping[str, Answer]) -> dict[str, str]:
    bad = {}
    for module in modules:
        answer = answers.get(module)
        if answer is None:
            bad[module] = "is not installed"
        elif answer.failure is not None and answer.in_time:
            bad[module] = f"cannot be imported: {answer.failure}"
    return bad


def _whether_in_time(
    modules: Sequence[str], answers: Mapping[str, Answer]
) -> tuple[State, str | None]:
    if all(answers[module].in_time for module in modules):
        return State.OK, None
    return State.PROBLEM, AGAIN


def _reasons(bad: Mapping[str, str]) -> str:
    return "; ".join(f"{module} {why}" for module, why in bad.items())


def _versions(modules: Sequence[str], answers: Mapping[str, Answer]) -> str:
    if not any(answers[module].in_time for module in modules):
        return "installed, no time was left to try it"
    shown = []
    for module in modules:
        answer = answers[module]
        shown.append(f"{module} {answer.value if answer.in_time else '(not tried)'}")
    return ", ".join(shown)


def _facts(modules: Sequence[str], answers: Mapping[str, Answer]) -> dict[str, object]:
    nothing = Answer()
    found = {module: answers.get(module, nothing) for module in modules}
    return {
        "libraries": [
            {
                "module": module,
                "distribution": distribution(module),
                "installed": module in answers,
                "imported": answer.value is not None if answer.in_time else None,
                "version": answer.value,
                "failure": answer.failure,
            }
            for module, answer in found.items()
        ]
    }
