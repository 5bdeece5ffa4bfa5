"""A contact sheet of the synthetic classes."""

from matplotlib.figure import Figure

from marrowscope.morphology import CLASSES
from marrowscope.phantom.cells import draw_cell


def contact_sheet(per_class: int = 4, seed: int = 0, columns: int = 3) -> Figure:
    """Every class in lineage order, ``per_class`` cells each, labelled synthetic."""
    rows = -(-len(CLASSES) // columns)
    figure = Figure(figsize=(columns * per_class * 0.95 + 0.3, rows * 1.22 + 0.5))
    grid = figure.add_gridspec(rows, columns, left=0.01, right=0.99, top=0.93, bottom=0.01,
                               wspace=0.04, hspace=0.30)  # fmt: skip
    for place, cell in enumerate(CLASSES):
        inner = grid[place % rows, place // rows].subgridspec(1, per_class, wspace=0.03)
        for number in range(per_class):
            axes = figure.add_subplot(inner[number])
            axes.imshow(draw_cell(cell.code, seed + number).image)
            axes.set_axis_off()
            if number == 0:
                axes.set_title(f"{cell.code}  {cell.name}", fontsize=8, loc="left", pad=2)
    figure.suptitle("Synthetic cells of the 21 classes (drawn by marrowscope)", fontsize=10)
    return figure
