"""A contact sheet of the synthetic classes."""

from matplotlib.figure import Figure

from marrowscope.morphology import CLASSES
from marrowscope.phantom.synthetic_cell import draw_cell

_COLUMNS = 3  # of classes; lineage order runs down, then right


def contact_sheet(per_class: int = 4, seed: int = 0) -> Figure:
    """Every class in lineage order, ``per_class`` cells each, labelled synthetic."""
    rows = -(-len(CLASSES) // _COLUMNS)
    figure = Figure(figsize=(_COLUMNS * per_class * 0.95 + 0.3, rows * 1.16 + 0.5), dpi=110)
    grid = figure.add_gridspec(
        rows, _COLUMNS, left=0.008, right=0.992, top=0.945, bottom=0.008, wspace=0.03, hspace=0.24
    )
    for place, cell in enumerate(CLASSES):
        inner = grid[place % rows, place // rows].subgridspec(1, per_class, wspace=0.03)
        for number in range(per_class):
            axes = figure.add_subplot(inner[number])
            axes.imshow(draw_cell(cell.code, seed + number).image)
            axes.set_axis_off()
            if number == 0:
                axes.set_title(f"{cell.name}  {cell.code}", fontsize=8, loc="left", pad=2)
    figure.suptitle(
        "Synthetic cells of the 21 classes, drawn by marrowscope; each patch is 21.6 µm wide",
        fontsize=9,
        y=0.992,
    )
    return figure
