"""What the names of folders and files say: a class, a part, a patient, or nothing.

``train/Lymphoblast/Patient_3/augmented/LYT_00012.jpg`` is of the part train, the class Lymphoblast
and the patient Patient_3; ``augmented`` says nothing of the cell.
"""

import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from marrowscope.class_synonyms import resolve_class
from marrowscope.dataset.split_names import split_name
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
LONGEST_NAME = 200


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


def meaning_of(
    inner: list[str], patient_level: int | None = None, laboratory_level: int | None = None
) -> PlaceMeaning:
    """What folders, outermost first, say of the files in the last of them.

    The innermost name of one of the 21 classes is the label; else the innermost that is neither a
    part of a split, nor a patient, nor a usual name of a heap of images, nor an id within a class.

    Args:
        inner: names between the folder that the user named (not included) and the file.
        patient_level: of the folder that holds the patient, from the end (1 is the last).
        laboratory_level: of the folder of the laboratory, which is nothing else either.
    """
    levels = {level for level in (patient_level, laboratory_level) if level is not None}
    stated = inner[-patient_level] if patient_level and patient_level <= len(inner) else None
    others = [name for number, name in enumerate(inner) if len(inner) - number not in levels]
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


def class_folder(names: Sequence[str]) -> str | None:
    """The innermost of the folders, outermost first, that may be named after a class."""
    for name in reversed(names):
        neither = split_name(name) is None and _PATIENT.fullmatch(name) is None
        if neither and not is_thousand(name) and not is_no_class(name):
            return name
    return None


def is_thousand(name: str) -> bool:
    """Whether a folder only divides a class by the numbers of its files: ``0001-1000``."""
    return _THOUSAND.fullmatch(name) is not None


def is_no_class(name: str) -> bool:
    """Whether a folder's name says nothing of the cells in it: images, batch_2, augmented."""
    return len(name) <= LONGEST_NAME and _NO_CLASS.fullmatch(name.strip()) is not None


def holds_turned_copies(name: str) -> bool:
    """Whether a folder's name says that its images were made of others."""
    return _TURNED.search(name) is not None


def class_of_file_name(name: str) -> str | None:
    """Code of one of the 21 classes before the number of a file: ``BLA_00001.jpg``, or None."""
    stem = os.path.splitext(name)[0][:LONGEST_NAME]
    before = _FILE_CODE.match(stem)
    if before is not None and before[1] in BY_CODE:
        return before[1]
    word = _FILE_NUMBER.sub("", stem)
    return resolve_class(word) if word and word != stem else None


def printable(name: str) -> str:
    """A name as text in Unicode NFC; bytes that are not UTF-8 as escapes."""
    text = os.fsencode(name).decode("utf-8", errors="backslashreplace")
    return unicodedata.normalize("NFC", text)
