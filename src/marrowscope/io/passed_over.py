"""Files in a folder that are no image by their names: counted, not left out in silence."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from marrowscope.io.image_file import MASK_SUFFIX, SUFFIXES

_LITTER = ("thumbs.db", "desktop.ini")  # of file managers; hidden files are not looked at either
# Lists, reports and programs lie beside fields by right.
_NO_PICTURES = (
    *(".csv", ".tsv", ".parquet", ".xls", ".xlsx", ".json", ".geojson", ".xml", ".gz"),
    *(".txt", ".md", ".htm", ".html", ".pdf", ".doc", ".docx", ".log"),
    *(".yaml", ".yml", ".toml", ".ini", ".py"),
)
_SHOWN = 8


def is_image_name(name: str) -> bool:
    """Whether a file of that name is looked at: by its ending, not hidden, no mask of a phantom."""
    lower = name.lower()
    return lower.endswith(SUFFIXES) and not lower.endswith(MASK_SUFFIX) and name[0] != "."


@dataclass
class PassedOver:
    """Endings of the files that were passed over, with their numbers."""

    endings: Counter[str] = field(default_factory=Counter)

    def add(self, name: str) -> None:
        """Count a file that is not taken; masks, hidden files and litter are none of the user's."""
        lower = name.lower()
        if name[0] == "." or lower in _LITTER or lower.endswith(MASK_SUFFIX):
            return
        self.endings[PurePath(lower).suffix or "no ending"] += 1

    def sentence(self) -> str | None:
        """How many of which endings; None where nothing was passed over."""
        if not self.endings:
            return None
        ranked = sorted(self.endings.items(), key=lambda one: (-one[1], one[0]))
        shown = ", ".join(f"{count} {ending}" for ending, count in ranked[:_SHOWN])
        more = len(ranked) - _SHOWN
        total = self.endings.total()
        return (
            f"{total} file{'s' if total != 1 else ''} passed over, no image by the ending: {shown}"
            + (f" and {more} more endings" if more > 0 else "")
        )


def pictures_passed_over(folder: Path) -> str | None:
    """How many files directly in a folder of fields were left, lists and reports aside.

    Args:
        folder: that can be listed; one that cannot gives None.
    """
    passed = PassedOver()
    try:
        for path in folder.iterdir():
            beside = path.suffix.lower() in _NO_PICTURES or is_image_name(path.name)
            if not beside and path.is_file():
                passed.add(path.name)
    except OSError:
        return None
    return passed.sentence()
