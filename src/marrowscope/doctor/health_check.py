"""One thing that was looked at: its state, a sentence about it, and what to type."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    MISSING = "missing"  # not there; nothing that is there is broken
    PROBLEM = "problem"  # there, and does not work


@dataclass(frozen=True)
class Check:
    """What was found.

    Attributes:
        group: heading under which it is shown.
        name: of the thing, unique in its group.
        state: how it ended.
        sentence: what was found, for people.
        advice: what to type or to do; None where nothing is to be done.
        core: whether marrowscope is of no use while this does not work.
        facts: the same for machines; plain JSON values.
    """

    group: str
    name: str
    state: State
    sentence: str
    advice: str | None = None
    core: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def breaks_the_core(self) -> bool:
        """Whether marrowscope is of no use because of this."""
        return self.core and self.state != State.OK

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "group": self.group,
            "name": self.name,
            "state": str(self.state),
            "sentence": self.sentence,
            "advice": self.advice,
            "core": self.core,
            "facts": dict(self.facts),
        }


def one_line(error: BaseException) -> str:
    """Type and message of an error, on one line of at most 200 characters."""
    message = " ".join(str(error).split())
    return (f"{type(error).__name__}: {message}" if message else type(error).__name__)[:200]


def guarded(group: str, name: str, probe: Callable[[], Check], core: bool = False) -> Check:
    """The check that a probe makes; a probe that fails is a check too, never a traceback."""
    try:
        return replace(probe(), core=core)
    except Exception as error:
        sentence = f"could not be examined ({one_line(error)})"
        return Check(group, name, State.PROBLEM, sentence, core=core)
