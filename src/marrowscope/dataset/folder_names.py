"""What the names of folders and files say: a class, a part, a patient, or nothing.

``train/Lymphoblast/Patient_3/augmented/LYT_00012.jpg`` is of the part train, the class Lymphoblast
and the patient Patient_3; ``augmented`` says nothing of the cell.
"""

import os
import re
import unicodedata
from dataclasses import dataclass

from marrowscope.class_synonyms import resolve_class
from marrowscope.dataset.split_names import split_name
from marrowscope.errors import InputError
from marrowscope.morphology import BY_CODE

_THOUSAND = re.compile(r"\d+-\d+")  # folders of the public release
_PATIENT = re.compile(
    r"(?:(?:patients?|patienten?|pat|pt|subjects?|subj|cases?|fall|fälle|proband(?:en|in)?|donors?|"
    r"spender)(?:[\W_]*(?:id|no|nr|number))?[\W_]*(?:\d[\w-]*|[A-Za-z](?![A-Za-z])[\w-]*)|p\d+)",
    re.IGNORECASE,
)
_NO_CLASS = re.compile(
    r"(?:augment(?:ed|ation|ations)?|aug|images?|imgs?|pics?|pictures?|photos?|fotos?|data|datasets?|"
    r"cells?|crops?|cropped|patches|patch|tiles?|jpe?gs?|png|tiff?|bmp|raw|originals?|orig|"
    r"(?:pre)?processed|resized|normali[sz]ed|rotated|flipped|mirrored|turned|all|new|new folder|"
    r"neuer ordner|bilder|bild|daten|datensatz|zellen|zelle|outputs?|results?|labell?ed|"
    r"unlabell?ed|annotated|exports?|downloads?|tmp|temp|misc|copy|copies|kopien?|batch|part|set|"
    r"run|folds?|slides?|smears?|fields?|samples?|scans?|session|series|serie|site|center|centre|"
    r"roi|fov|export|train_?val|patients?|patienten|cases|subjects)[\W_]*(?:\d+|[a-c])?",
    re.IGNORECASE,
)
_TURNED = re.compile(r"augment|^aug|rotated|flipped|mirrored|turned", re.IGNORECASE)
_ID = re.compile(r"(?=.*\d\d)(?!.*[^\W\d_]{5})[\w .-]+")
_FILE_NUMBER = re.compile(r"[\s_.-]*[\(\[]?\d[\d\s_.\-\(\)\[\]]*$")
_FILE_CODE = re.compile(r"([A-Z]{3})[_-]?(?=[^.]*\d)")
_LONGEST = 200


@dataclass(frozen=True)
class PlaceMeaning:
    """What the folders around a file say.

    Attributes:
        label: code, or the name of a class of the user's own; None without one.
        split: ``train``, ``test`` or ``val``.
        patient: name of the folder of a patient.
        part_folder: that the split was taken from.
        no_class: folders that were taken for no class.
    """

    label: str | None
    split: str | None
    patient: str | None
    part_folder: str | None
    no_class: tuple[str, ...]


def meaning_of(inner: list[str], patient_level: int | None = None) -> PlaceMeaning:
    """What folders, outermost first, say of the files in the last of them.

    The innermost name of one of the 21 classes is the label; else the innermost that is neither a
    part of a split, nor a patient, nor a usual name of a heap of images, nor an id within a class.

    Args:
        inner: names between the folder that the user named (not included) and the file.
        patient_level: of the folder that holds the patient, from the end (1 is the last).
    """
    place = None if patient_level is None or patient_level > len(inner) else -patient_level
    stated = inner[place] if place is not None else None
    others = [
        name for number, name in enumerate(inner) if place is None or number != len(inner) + place
    ]
    rest = [name for name in others if not is_thousand(name)]
    code = next((found for name in reversed(rest) if (found := resolve_class(name))), None)
    rest = [name for name in rest if resolve_class(name) is None]
    parts = [(name, part) for name in rest if (part := split_name(name)) is not None]
    rest = [name for name in rest if split_name(name) is None]
    patients = [name for name in rest if _PATIENT.fullmatch(name)]
    rest = [name for name in rest if name not in patients]
    heaps = [name for name in rest if is_no_class(name)]
    named = [name for name in rest if name not in heaps]
    ids = [name for name in named if _ID.fullmatch(name)]
    if code is None and 0 < len(ids) < len(named):
        named = [name for name in named if name not in ids]
    elif code is None:
        ids = []
    else:
        ids = []  # within a folder of one of the 21 classes any name may stand
        heaps = [name for name in heaps if _TURNED.search(name)]
    label = code or (printable(named[-1]) if named else None)
    patient = stated or (patients[-1] if patients else None)
    return PlaceMeaning(
        label,
        parts[0][1] if parts else None,
        None if patient is None else printable(patient),
        printable(parts[0][0]) if parts else None,
        tuple(printable(name) for name in (*heaps, *ids)),
    )


def is_thousand(name: str) -> bool:
    """Whether a folder only divides a class by the numbers of its files: ``0001-1000``."""
    return _THOUSAND.fullmatch(name) is not None


def is_no_class(name: str) -> bool:
    """Whether a folder's name says nothing of the cells in it: images, batch_2, augmented."""
    return len(name) <= _LONGEST and _NO_CLASS.fullmatch(name.strip()) is not None


def holds_turned_copies(name: str) -> bool:
    """Whether a folder's name says that its images were made of others."""
    return _TURNED.search(name) is not None


def class_of_file_name(name: str) -> str | None:
    """Code of one of the 21 classes before the number of a file: ``BLA_00001.jpg``, or None."""
    stem = os.path.splitext(name)[0][:_LONGEST]
    before = _FILE_CODE.match(stem)
    if before is not None and before[1] in BY_CODE:
        return before[1]
    word = _FILE_NUMBER.sub("", stem)
    return resolve_class(word) if word and word != stem else None


def printable(name: str) -> str:
    """A name as text in Unicode NFC; bytes that are not UTF-8 as escapes."""
    text = os.fsencode(name).decode("utf-8", errors="backslashreplace")
    return unicodedata.normalize("NFC", text)


@dataclass(frozen=True)
class PatientRule:
    """Where the id of a patient stands in the path of an image.

    Attributes:
        level: of the folder, from the file outwards (1 is the folder that holds it), or None.
        pattern: that the file's name without its suffix has to fit, or None.
    """

    level: int | None = None
    pattern: re.Pattern[str] | None = None

    def find(self, path: str) -> str | None:
        """The id, or None where the path has none."""
        if self.level is not None:
            folders = os.path.dirname(path).split(os.sep)
            return printable(folders[-self.level]) if self.level < len(folders) else None
        assert self.pattern is not None
        stem = os.path.splitext(os.path.basename(path))[0]
        match = self.pattern.fullmatch(stem) if len(stem) <= _LONGEST else None
        return printable(match["id"]) if match is not None else None


def patient_rule(text: str) -> PatientRule:
    """Read ``folder:-1`` or ``name:PATTERN``.

    ``folder:-1`` is the folder that holds the image, ``folder:-2`` the one around it. In a pattern
    ``{id}`` stands for the id, ``{id:4}`` for one of four signs, and ``*`` for anything:
    ``name:*_{id}_*`` takes P012 from ``BLA_P012_0001.jpg``. Regular expressions are not taken, for
    some of them never end.

    Raises:
        InputError: it is neither.
    """
    kind, _, rest = text.partition(":")
    if kind.strip() == "folder" and re.fullmatch(r"-[1-9]\d?", rest.strip()):
        return PatientRule(level=-int(rest))
    if kind.strip() == "name" and rest:
        pieces = re.split(r"(\{id(?::\d{1,2})?\}|\*)", rest)
        ids = [piece for piece in pieces if piece.startswith("{id") and piece.endswith("}")]
        if (
            len(ids) == 1
            and pieces.count("*") <= 2
            and "{" not in "".join(piece for piece in pieces if piece not in ids)
        ):
            return PatientRule(pattern=re.compile("".join(map(_as_regex, pieces)), re.DOTALL))
    raise InputError(
        f"`patient_from` {text}: give folder:-1 (the folder that holds the image), folder:-2, or "
        "name:PATTERN with one {id} and at most two *, such as 'name:*_{id}_*'"
    )


def _as_regex(piece: str) -> str:
    if piece == "*":
        return ".*?"
    if piece.startswith("{id") and piece.endswith("}"):
        length = piece[4:-1]
        return f"(?P<id>.{{{length}}})" if length else "(?P<id>.+?)"
    return re.escape(piece)
