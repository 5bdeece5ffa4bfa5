"""What a laboratory calls its cells → codes of the 21 classes; nothing is guessed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from marrowscope.class_synonyms import nearest_in_words, resolve_class
from marrowscope.dataset.class_name_file import name_key, read_class_names
from marrowscope.errors import InputError
from marrowscope.identifiers import clean_text
from marrowscope.morphology import CODES

_SHIPPED = Path(__file__).with_name("mappings")


@dataclass(frozen=True)
class LabelMapping:
    """Names of one or several files.

    Attributes:
        source: the files, for messages.
        names: as they are written, in their order.
        codes: by ``name_key``; None of a name that is to be left out.
    """

    source: str
    names: tuple[str, ...]
    codes: dict[str, str | None]

    def __contains__(self, name: str) -> bool:
        return name_key(name) in self.codes

    def code_of(self, name: str) -> str | None:
        """Code of the class that a name stands for; None of one that is left out or not there."""
        return self.codes.get(name_key(name))


def shipped_mappings() -> tuple[str, ...]:
    """Short names of the mappings that come with the package."""
    return tuple(sorted(path.stem for path in _SHIPPED.glob("*.yaml")))


def load_label_mapping(given: Sequence[Path]) -> LabelMapping:
    """Read mappings: YAML lines ``BA: BAS``, or a list with the columns ``name`` and ``code``.

    A code may be the name of one of the 21 classes (``basophil``). A name without one is left out,
    as are those that no file names.

    Args:
        given: files, or short names of ``shipped_mappings``.

    Raises:
        InputError: a file cannot be read or maps nothing, a code is none of the 21, or two files
            say different things of one name.
    """
    codes: dict[str, str | None] = {}
    origin: dict[str, Path] = {}
    names: list[str] = []
    for one in given:
        own = _codes_of(one)
        for name, code in own.items():
            key = name_key(name)
            if key not in codes:
                codes[key], origin[key] = code, one
                names.append(name)
            elif codes[key] != code:
                raise InputError(
                    f"{origin[key]} and {one} disagree: {name!r} is {codes[key] or 'left out'} in "
                    f"the first and {code or 'left out'} in the second; keep one of the two lines"
                )
    return LabelMapping(" and ".join(str(one) for one in given), tuple(names), codes)


def _codes_of(given: Path) -> dict[str, str | None]:
    """Names of one file and their codes."""
    shipped = str(given) in shipped_mappings()
    if not shipped and not given.suffix and not given.exists():
        raise InputError(
            f"`mapping` {given}: no such file; mappings that come with marrowscope: "
            f"{', '.join(shipped_mappings())}"
        )
    found: dict[str, str | None] = {}
    for name, code in read_class_names(_SHIPPED / f"{given}.yaml" if shipped else given):
        text = clean_text(code)
        known = None if text is None else resolve_class(text)
        if text is not None and known is None:
            near = nearest_in_words(text)
            raise InputError(
                f"{given}: {name!r} is mapped to {text!r}, which is none of the 21 classes"
                f"{f' ({near})' if near else ''}; use one of {' '.join(CODES)}, or nothing to "
                "leave it out"
            )
        found[name] = known
    if not any(found.values()):
        raise InputError(
            f"{given}: maps no name to one of the 21 classes; write lines such as 'BA: {CODES[9]}'"
        )
    return found
