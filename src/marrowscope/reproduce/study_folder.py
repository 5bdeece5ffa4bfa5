"""Steps of a reproduction → their sections, kept so that a killed run continues."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marrowscope.errors import InputError
from marrowscope.io.atomic import replacing
from marrowscope.io.folder_guards import is_taken
from marrowscope.report.study_page import Section, section_from_dict

SETTINGS, DONE = "reproduce.json", "done"


@dataclass(frozen=True)
class FinishedStep:
    """A step with its section and the seconds that it took; those of a resumed step are its last
    go's."""

    name: str
    section: Section
    seconds: float
    failed: bool


@dataclass(frozen=True)
class StudyFolder:
    """The folder of a reproduction.

    Attributes:
        folder: of the report.
        say: told the name of each step as it begins or is found finished.
    """

    folder: Path
    say: Callable[[str], None]

    def claim(self, settings: dict[str, Any]) -> None:
        """Make the folder this reproduction's own.

        Raises:
            InputError: it holds something else, or a reproduction with other settings.
        """
        path = self.folder / SETTINGS
        wanted = json.loads(json.dumps(settings))
        if path.exists():
            try:
                earlier = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise InputError(f"{path}: cannot be read ({error})") from None
            if not isinstance(earlier, dict):
                raise InputError(
                    f"{path}: does not belong to a reproduction; choose another folder"
                )
            differing = [
                key
                for key in sorted(wanted.keys() | earlier.keys())
                if wanted.get(key) != earlier.get(key)
            ]
            # Until a step is done nothing is lost: the path may have been a slip.
            if differing and (self.folder / DONE).exists():
                raise InputError(
                    f"{self.folder}: holds a reproduction with another {differing[0]}; choose "
                    "another folder"
                )
            if differing:
                _write(path, wanted)
            return
        if is_taken(self.folder):
            raise InputError(f"{self.folder}: is not empty; choose another folder")
        _write(path, wanted)

    def step(
        self, name: str, title: str, study: str, work: Callable[[], Section], needed: bool = False
    ) -> FinishedStep:
        """Do a step, or take what it found before.

        A step that cannot be done with these data becomes a section that says why; the others go
        on. It is tried again the next time.

        Args:
            name: of the step, for its file.
            title, study: of the section that says why it cannot be done.
            work: does it.
            needed: whether the others are impossible without it.

        Raises:
            InputError: of a needed step.
        """
        path = self.folder / DONE / f"{name}.json"
        known = _read(path)
        if known is not None:
            self.say(f"{title}: done before")
            return FinishedStep(name, *known, failed=False)
        self.say(title)
        began = time.perf_counter()
        try:
            section, failed = work(), False
        except InputError as error:
            if needed:
                raise
            section, failed = Section(title, study, missing=(str(error),)), True
        seconds = time.perf_counter() - began
        if not failed:
            with replacing(path) as temporary:
                content = {"seconds": seconds, "section": section.to_dict()}
                temporary.write_text(
                    json.dumps(content, ensure_ascii=False, allow_nan=False), encoding="utf-8"
                )
        return FinishedStep(name, section, seconds, failed)


def _read(path: Path) -> tuple[Section, float] | None:
    """What a step found; None where it is not there or damaged, and the step is done again."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return section_from_dict(content["section"]), float(content["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, settings: dict[str, Any]) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
