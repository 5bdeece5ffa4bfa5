"""Where cells lie: random sequential placement, with a chosen share of touching cells.

Cells come singly or in clusters of two to four that touch. A cluster is placed where it keeps
clear of all others; red cells fill the room between, overlapping more the more layers there are.
Whatever is placed is a function of the random stream, the background and the neighbours alone.
"""

from dataclasses import dataclass, replace

import numpy as np

from marrowscope.phantom.background import Background
from marrowscope.phantom.cell_library import PLATELET, RED, TURNS, CellLibrary
from marrowscope.phantom.composition import ClassMix
from marrowscope.phantom.occupancy import (
    CELL_RANK,
    PACKED_RANK,
    PLATELET_RANK,
    RED_RANK,
    OccupiedArea,
    PlacedObject,
    contact_distance,
)

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in µm

_TRIES = 120
_RED_AREA = 38.5  # µm² of a red cell
_CLUSTER_SIZES, _CLUSTER_EDGES = (2, 3, 4), (0.6, 0.87, 1.0)
_MEAN_CLUSTER = 2.53


@dataclass(frozen=True)
class PlacementPlan:
    """What is to be placed.

    Attributes:
        mix: the classes.
        touching: share of nucleated cells that touch another one.
        overlap: how deep touching cells overlap, share of the smaller radius.
        platelets: per mm².
    """

    mix: ClassMix
    touching: float
    overlap: float
    platelets: float


def place_objects(
    box: Box,
    neighbours: list[PlacedObject],
    background: Background,
    plan: PlacementPlan,
    library: CellLibrary,
    rng: np.random.Generator,
    margin: float = np.inf,
) -> list[PlacedObject]:
    """Fill a box; no centre lies farther outside it than ``margin`` µm less its reach."""
    nucleated, red = OccupiedArea(), OccupiedArea()
    for placed in neighbours:
        far = 8.0 if placed.rank == RED_RANK else margin + 20.0
        if box[0] - far < placed.x < box[2] + far and box[1] - far < placed.y < box[3] + far:
            (red if placed.rank == RED_RANK else nucleated).add(
                placed.x, placed.y, placed.reach, placed
            )
    for x, y, radius in background.holes.tolist():
        if box[0] - 60 < x < box[2] + 60 and box[1] - 60 < y < box[3] + 60:
            nucleated.add(x, y, radius)
    return [
        *_clusters(box, nucleated, background, plan, library, rng, margin),
        *_packed(box, background, plan, library, rng),
        *_red_cells(box, nucleated, red, background, library, rng),
        *_platelets(box, nucleated, background, plan, library, rng),
    ]


def _clusters(
    box: Box,
    occupied: OccupiedArea,
    background: Background,
    plan: PlacementPlan,
    library: CellLibrary,
    rng: np.random.Generator,
    margin: float,
) -> list[PlacedObject]:
    share = plan.touching
    multiple = share / (_MEAN_CLUSTER - _MEAN_CLUSTER * share + share)
    mean = 1 + multiple * (_MEAN_CLUSTER - 1)
    most = background.maximum("cells", box)
    count = int(rng.poisson(most * _area(box) / mean)) if most > 0 else 0
    sizes = np.ones(count, int)
    for index in np.flatnonzero(rng.random(count) < multiple).tolist():
        sizes[index] = _CLUSTER_SIZES[int(np.searchsorted(_CLUSTER_EDGES, rng.random()))]
    drawn: list[list[PlacedObject]] = []
    for index, size in enumerate(sizes.tolist()):
        x, y = _somewhere(box, rng)
        local = background.at(x, y)
        if rng.random() < background.cells[local] / most:  # else thinned out, as the density asks
            share = float(background.excluded[local])
            drawn.append(_cluster(size, share, x, y, plan, library, rng, index))
    # The largest first, and the same cells elsewhere where there is no room: whoever took new ones
    # would favour small classes where it is crowded.
    drawn.sort(key=lambda members: -sum(member.reach**2 for member in members))
    objects: list[PlacedObject] = []
    gap = max(0.5, 2.5 * library.microns_per_pixel)
    for members in drawn:
        for attempt in range(_TRIES):
            if attempt > 0:
                x, y = _somewhere(box, rng)
                if rng.random() >= background.cells[background.at(x, y)] / most:
                    continue
                members = _moved(members, x - members[0].x, y - members[0].y)
            if all(
                _inside(m, box, margin) and occupied.keeps_clear(m, gap, library) for m in members
            ):
                for member in members:
                    occupied.add(member.x, member.y, member.reach, member)
                objects += members
                break
    return objects


def _cluster(
    size: int,
    excluded: float,
    x: float,
    y: float,
    plan: PlacementPlan,
    library: CellLibrary,
    rng: np.random.Generator,
    index: int,
) -> list[PlacedObject]:
    members = [_cell(plan, excluded, library, x, y, rng, index if size > 1 else -1)]
    for _ in range(size - 1):
        new = _cell(plan, excluded, library, x, y, rng, index)
        sprite = library.sprite(new.name, new.number, new.turn)
        for _ in range(8):
            host = members[int(rng.integers(len(members)))]
            beside = library.sprite(host.name, host.number, host.turn)
            angle = float(rng.uniform(0, 2 * np.pi))
            depth = plan.overlap * min(sprite.radius, beside.radius) * float(rng.uniform(0.5, 1.5))
            away = contact_distance(beside, sprite, angle) - max(
                depth, 2 * library.microns_per_pixel
            )
            at = host.x + away * float(np.cos(angle)), host.y + away * float(np.sin(angle))
            others = OccupiedArea()
            for member in members:
                if member is not host:
                    others.add(member.x, member.y, member.reach)
            if others.has_room(*at, new.reach, 0.85, 0.0):
                members.append(replace(new, x=at[0], y=at[1]))
                break
    return members


def _cell(
    plan: PlacementPlan,
    excluded: float,
    library: CellLibrary,
    x: float,
    y: float,
    rng: np.random.Generator,
    cluster: int,
    rank: int = CELL_RANK,
) -> PlacedObject:
    code = plan.mix.draw(excluded, rng)
    return _placed_object(code, library, x, y, rank, rng, cluster)


def _packed(
    box: Box,
    background: Background,
    plan: PlacementPlan,
    library: CellLibrary,
    rng: np.random.Generator,
) -> list[PlacedObject]:
    """Cells of marrow particles: so dense that nobody counts them, hence without truth."""
    most = background.maximum("particle", box)
    objects: list[PlacedObject] = []
    occupied = OccupiedArea()
    for _ in range(int(rng.poisson(14000 * _area(box))) if most > 0.3 else 0):
        x, y = _somewhere(box, rng)
        inside = float(background.particle[background.at(x, y)])
        if rng.random() < inside and inside > 0.3:
            placed = _cell(plan, 0.0, library, x, y, rng, -1, PACKED_RANK)
            if placed.reach < 11 and occupied.has_room(x, y, placed.reach, 0.6, 0.0):
                occupied.add(x, y, placed.reach)
                objects.append(placed)
    return objects


def _red_cells(
    box: Box,
    nucleated: OccupiedArea,
    red: OccupiedArea,
    background: Background,
    library: CellLibrary,
    rng: np.random.Generator,
) -> list[PlacedObject]:
    most = background.maximum("red", box)
    objects: list[PlacedObject] = []
    for _ in range(int(rng.poisson(most * _area(box) * 1e6 / _RED_AREA)) if most > 0 else 0):
        for attempt in range(8):
            x, y = _somewhere(box, rng)
            layers = float(background.red[background.at(x, y)])
            if rng.random() >= layers / most:
                if attempt == 0:
                    break
                continue
            apart = float(np.clip(1.5 - 1.3 * layers, 0.0, 0.97))
            placed = _placed_object(RED, library, x, y, RED_RANK, rng, -1)
            beside = float(np.interp(layers, [0.7, 1.3], [0.92, 0.6]))
            if nucleated.has_room(x, y, placed.reach, beside, 0.0) and (
                apart < 0.2 or red.has_room(x, y, placed.reach, apart, 0.0)
            ):
                red.add(x, y, placed.reach)
                objects.append(placed)
                break
    return objects


def _platelets(
    box: Box,
    nucleated: OccupiedArea,
    background: Background,
    plan: PlacementPlan,
    library: CellLibrary,
    rng: np.random.Generator,
) -> list[PlacedObject]:
    objects: list[PlacedObject] = []
    for _ in range(int(rng.poisson(plan.platelets * _area(box)))):
        x, y = _somewhere(box, rng)
        if background.red[background.at(x, y)] <= 0:
            continue
        # A third of them lie in groups.
        for _ in range(1 if rng.random() < 0.8 else int(rng.integers(2, 6))):
            near = x + float(rng.normal(0, 2.5)), y + float(rng.normal(0, 2.5))
            placed = _placed_object(PLATELET, library, *near, PLATELET_RANK, rng, -1)
            if nucleated.has_room(*near, placed.reach, 1.0, 0.5):
                objects.append(placed)
    return objects


def _placed_object(
    name: str,
    library: CellLibrary,
    x: float,
    y: float,
    rank: int,
    rng: np.random.Generator,
    cluster: int,
) -> PlacedObject:
    number, turn = int(rng.integers(library.count(name))), int(rng.integers(TURNS))
    shade = float(np.exp(rng.normal(0, 0.05)))
    reach = library.sprite(name, number, 0).reach
    return PlacedObject(name, number, turn, x, y, reach, shade, rank, float(rng.random()), cluster)


def _moved(objects: list[PlacedObject], across: float, down: float) -> list[PlacedObject]:
    return [replace(placed, x=placed.x + across, y=placed.y + down) for placed in objects]


def _inside(placed: PlacedObject, box: Box, margin: float) -> bool:
    far = margin - placed.reach
    return box[0] - far <= placed.x <= box[2] + far and box[1] - far <= placed.y <= box[3] + far


def _somewhere(box: Box, rng: np.random.Generator) -> tuple[float, float]:
    across, down = rng.random(2).tolist()
    return box[0] + across * (box[2] - box[0]), box[1] + down * (box[3] - box[1])


def _area(box: Box) -> float:
    """mm²."""
    return (box[2] - box[0]) * (box[3] - box[1]) * 1e-6
