"""Settings of small phantom fields, and a stock of cells that is drawn once per process."""

from functools import cache

from marrowscope.phantom.cell_library import CellLibrary
from marrowscope.phantom.field_settings import FieldSettings

SMALL = FieldSettings(width=900, height=700, cells_per_mm2=4000)


@cache
def stock() -> CellLibrary:
    """Four cells of each class, for reading only."""
    return CellLibrary(SMALL.microns_per_pixel, seed=5, per_class=4)
