"""From the class names of an annotation tool to class codes, with a file of synonyms."""

from pathlib import Path

from marrowscope.class_synonyms import resolve_class
from marrowscope.dataset.class_name_file import name_key, read_class_names
from marrowscope.identifiers import clean_text
from marrowscope.io.list_file import is_missing

Synonyms = dict[str, str | None]


def load_synonyms(path: Path) -> Synonyms:
    """Read which class a name means: YAML lines ``name: CODE``, or a list with ``name,code``.

    A name without a code (``RBC:``) is of no cell that is wanted, and its boxes are left out. Codes
    may be English names of the classes, or classes of an own scheme.

    Raises:
        InputError: the file cannot be read, or a name is listed twice.
    """
    found: Synonyms = {}
    for entry in read_class_names(path):
        text = clean_text(entry.code)
        found[name_key(entry.name)] = None if text is None else resolve_class(text) or text
    return found


def label_of(name: str | None, synonyms: Synonyms) -> tuple[str | None, bool]:
    """The label that a class name stands for, and whether such boxes are wanted at all.

    A synonym comes first, then the code or the English name of one of the 21 classes; any other
    name stays as it is, a class of an own scheme.
    """
    if name is None or is_missing(name):
        return None, True
    if name_key(name) in synonyms:
        label = synonyms[name_key(name)]
        return label, label is not None
    return resolve_class(name) or clean_text(name), True
