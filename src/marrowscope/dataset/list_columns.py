"""Headings of a list → the columns of the cell table that they stand for.

English and German headings in any case, with blanks, hyphens and underscores as one likes. What is
not recognized is carried along under its own name, and said.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from marrowscope.cells import PROBABILITY, SCHEMA
from marrowscope.errors import InputError

# By column: headings that can mean nothing else, then those that do where none of the first is.
_HEADINGS: dict[str, tuple[str, str]] = {
    "path": (
        "path imagepath filepath imagefile imagefilename image file filename imagename imgpath "
        "imgfile imgname img fullpath filelocation imagelocation pfad dateipfad bildpfad datei "
        "dateiname bild bilddatei bildname",
        "picture photo foto crop patch tile fname",
    ),
    "label": (
        "label class celltype cellclass celllabel classname labelname classlabel klasse zelltyp "
        "zellklasse zellart klassenname truelabel groundtruth",
        "diagnosis diagnose category kategorie target annotation type typ morphology morphologie "
        "bezeichnung",
    ),
    "split": (
        "split splitname datasplit aufteilung",
        "set subset partition part phase dataset teilmenge datensatz",
    ),
    "fold": ("fold foldid foldnumber foldno cvfold kfold", ""),
    "laboratory": (
        "laboratory laboratoryid laboratoryname laboratoryno laboratorycode lab labid labname "
        "labno labcode labor laborid laborname labornr laborkuerzel laborkurzel laboratorium",
        "center centre centerid centreid centername centrename zentrum institution institute "
        "institut hospital klinik clinic krankenhaus",
    ),
    "patient_id": (
        "patientid patient patientno patientnr patientnumber patientname patientcode patid patnr "
        "patientidentifier patientenid patientennummer patientennr patienten pat",
        "caseid case caseno casenumber subjectid subject subjectno donorid donor mrn pid fall "
        "fallid fallnr fallnummer proband probandid probandenid probandennummer",
    ),
    "slide_id": (
        "slideid slide slideno slidenr slidenumber slidename slidelabel wsi wsiid objekttrager "
        "objekttraeger praparat praeparat praparatid praeparatid praparatnr praeparatnr "
        "praparatnummer praeparatnummer",
        "smear smearid ausstrich ausstrichid ausstrichnr",
    ),
    "field_id": ("fieldid field fieldno fov fovid gesichtsfeld gesichtsfeldid feld feldid", ""),
    "x": (
        "x xpx xpixel xcenter xcentre centerx centrex centroidx xcentroid cx xcoord xcoordinate "
        "coordx xpos posx xposition positionx nucleusx xnucleus cellx xcell xkoordinate xmitte",
        "",
    ),
    "y": (
        "y ypx ypixel ycenter ycentre centery centrey centroidy ycentroid cy ycoord ycoordinate "
        "coordy ypos posy yposition positiony nucleusy ynucleus celly ycell ykoordinate ymitte",
        "",
    ),
    "x0": ("x0 xmin minx left bboxxmin bboxx0 boxxmin boxx0 xtopleft links", "bboxx boxx bboxleft"),
    "y0": ("y0 ymin miny top bboxymin bboxy0 boxymin boxy0 ytopleft oben", "bboxy boxy bboxtop"),
    "x1": ("xmax maxx right bboxxmax bboxx1 boxxmax xbottomright rechts", "x1"),
    "y1": ("ymax maxy bottom bboxymax bboxy1 boxymax ybottomright unten", "y1"),
    "box_width": ("bboxw bboxwidth boxwidth boxw", ""),
    "box_height": ("bboxh bboxheight boxheight boxh", ""),
    "annotator": (
        "annotator annotatedby labeller labeler labelledby labeledby rater observer befunder "
        "annotiertvon",
        "reader pathologist cytologist expert",
    ),
    "microns_per_pixel": (
        "micronsperpixel micronperpixel mpp umperpixel umpx umperpx pixelsize pixelsizeum "
        "micrometerperpixel pixelgrosse pixelgroesse pixelgrosseum pixelgroesseum resolutionmpp",
        "",
    ),
    "cell_id": ("cellid zellid zellnr zellnummer", "id uid"),
    "corrected": ("corrected correctedlabel korrigiert korrektur", "correction newlabel neu"),
}
_BRACKETED = re.compile(r"\s*[\(\[]\s*(px|pixels?|pixel)\s*[\)\]]\s*$", re.IGNORECASE)
# Lists carry what an image is by its own account; the index measures that itself.
LISTED = "listed_"


@dataclass(frozen=True)
class ListColumns:
    """What the headings of a list stand for.

    Attributes:
        taken: heading by column of the cell table.
        carried: headings that stay columns of their own.
        notes: where a heading could have meant a column that another one was taken for.
    """

    taken: dict[str, str]
    carried: tuple[str, ...]
    notes: tuple[str, ...]

    def sentence(self, name: str) -> str | None:
        """What was taken as what, and what was only carried along; None when all is plain."""
        renamed = [f"{column} from {heading!r}" for column, heading in self.taken.items()]
        plain = all(column == heading for column, heading in self.taken.items())
        if plain and not self.carried:
            return None
        more = f"; only carried along: {', '.join(self.carried)}" if self.carried else ""
        return f"{name}: {', '.join(renamed) or 'no column is known'}{more}"


def recognise(headings: Sequence[str], name: str, wanted: Sequence[str] = ()) -> ListColumns:
    """Find the columns of a list.

    Args:
        headings: of the list.
        name: of the list, for errors and notes.
        wanted: columns that matter to the caller; () for all.

    Raises:
        InputError: two headings say the same in two spellings.
    """
    keys = {heading: heading_key(heading) for heading in headings}
    # x1 and x2 are the two sides of a box; beside x0, x1 is the second one.
    corners = {"x2", "y2"} <= set(keys.values()) and "x0" not in keys.values()
    taken: dict[str, str] = {}
    notes: list[str] = []
    for column, (sure, likely) in _HEADINGS.items():
        if wanted and column not in wanted:
            continue
        ranks = [*sure.split(), *likely.split()]
        if corners and column in ("x0", "y0", "x1", "y1"):
            ranks = [{"x0": "x1", "y0": "y1", "x1": "x2", "y1": "y2"}[column]]
        fitting = [h for h in headings if keys[h] in ranks and h not in taken.values()]
        if not fitting:
            continue
        fitting.sort(key=lambda h: (h != column, keys[h] not in sure.split(), ranks.index(keys[h])))
        first, *others = fitting
        same = [h for h in others if keys[h] == keys[first] and first != column]
        if same:
            raise InputError(
                f"{name}: {first!r} and {same[0]!r} could both be the {column}; rename or remove "
                "one of them"
            )
        taken[column] = first
        if others:
            shown = ", ".join(repr(h) for h in others)
            notes.append(f"{name}: {column} is taken from {first!r}, not from {shown}")
    carried = tuple(heading for heading in headings if heading not in taken.values())
    return ListColumns(taken, carried, tuple(notes))


def heading_key(heading: str) -> str:
    """A heading without case, accents, blanks and signs; ``(px)`` behind it says nothing."""
    text = _BRACKETED.sub("", heading).replace("µ", "u").replace("μ", "u").replace("ß", "ss")
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "", text)


def carried_name(heading: str) -> str:
    """Under which name a column is carried along: its own, unless the cell table uses that."""
    reserved = heading in SCHEMA or heading.startswith(PROBABILITY)
    return LISTED + heading if reserved else heading
