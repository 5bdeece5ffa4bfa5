"""What becomes of platelets, stain dirt, naked nuclei and red cells: what is found.

``python benchmarks/detection_kinds.py --fields 10 --seed 300``

Every thing of the synthetic fields is known, those without a row in the truth too, so that each
located object can be put down to what lies there. "no cell" is how many of the found ones the
detection itself calls naked nucleus, smudge or debris; at last intact cells so called, by class.
"""

import argparse
from collections import Counter
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
from scipy.spatial import cKDTree

from marrowscope.detection.crowding import find_crowded
from marrowscope.detection.detector import detect
from marrowscope.detection.nuclear_map import nuclear_map
from marrowscope.morphology import BY_CODE, CountRole
from marrowscope.phantom import synthetic_field as drawing
from marrowscope.phantom.cell_library import PLATELET, RED, CellLibrary
from marrowscope.phantom.field_settings import FieldSettings
from marrowscope.phantom.occupancy import PACKED_RANK, PlacedObject
from marrowscope.phantom.synthetic_field import PhantomField, draw_field

UNUSUAL = ("ART", "KSC", "NIF")


def variant(name: str, number: int, library: CellLibrary) -> str:
    """Kind of one thing of the library."""
    if name in (RED, PLATELET):
        return name
    if name not in UNUSUAL:
        return "cell"
    chosen = library.variant(name, number)
    if name == "KSC":
        return "smudge cell"
    if name == "ART":
        return f"artefact: {chosen.painter}" + (", unfocused" if chosen.defect else "")
    if chosen.defect:
        return "not identifiable: blurred or overstained"
    if chosen.nucleus.share.mean >= 0.9:
        return f"naked nucleus, {'dense' if chosen.nucleus.azure.mean > 1 else 'swollen'}"
    return "not identifiable: dying, ghost, shreds"


def drawn(
    settings: FieldSettings, seed: int, library: CellLibrary
) -> tuple[PhantomField, list[PlacedObject]]:
    """A field and all that was placed in it."""
    things: list[PlacedObject] = []
    original = drawing.place_objects

    def recorded(*args: Any, **options: Any) -> list[PlacedObject]:
        made = original(*args, **options)
        things.extend(made)
        return made

    with patch.object(drawing, "place_objects", recorded):
        return draw_field(settings, seed, library), things


def count(settings: FieldSettings, seeds: range, library: CellLibrary) -> dict[str, Counter[str]]:
    """Things and located cells by kind over some fields."""
    there: Counter[str] = Counter()
    found: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    told: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for seed in seeds:
        field, things = drawn(settings, seed, library)
        mpp = field.microns_per_pixel
        # Of a thing at the edge a part may be found farther inside than its own middle.
        inside = [
            one for one in things
            if -12 < one.x < settings.width * mpp + 12 and -12 < one.y < settings.height * mpp + 12
        ]  # fmt: skip
        kinds = [
            "packed in a particle" if one.rank == PACKED_RANK
            else variant(one.name, one.number, library)
            for one in inside
        ]  # fmt: skip
        there.update(
            kind for one, kind in zip(inside, kinds, strict=True)
            if 4 < one.x < settings.width * mpp - 4 and 4 < one.y < settings.height * mpp - 4
        )  # fmt: skip
        located = detect(field.image, mpp)
        cells, no_cell = located.select("x", "y").to_numpy(), (located["kind"] != "cell").to_list()
        solid = find_crowded(nuclear_map(field.image, mpp), cells)
        edge = 4 / mpp
        width, height = settings.width, settings.height
        taken: set[int] = set()
        # Nucleated things first, then platelets, then red cells: what lies on top of what.
        order = sorted(range(len(inside)), key=lambda n: _priority(inside[n]))
        spots = np.array([(inside[n].x / mpp, inside[n].y / mpp) for n in order])
        reach = np.array([inside[n].reach / mpp for n in order])
        tree = cKDTree(spots)
        for (x, y), in_particle, flagged in zip(
            cells.tolist(), solid.tolist(), no_cell, strict=True
        ):
            if not (edge < x < width - edge and edge < y < height - edge):
                continue
            near = sorted(tree.query_ball_point((x, y), float(reach.max())))
            hits = [n for n in near if np.hypot(*(spots[n] - (x, y))) <= reach[n]]
            kind, code = "nothing (dirt, overlap of red cells)", ""
            fresh = [n for n in hits if n not in taken]
            if fresh:
                first = min(_priority(inside[order[n]]) for n in fresh)
                same = [n for n in fresh if _priority(inside[order[n]]) == first]
                best = min(same, key=lambda n: float(np.hypot(*(spots[n] - (x, y)))))
                kind, code = kinds[order[best]], inside[order[best]].name
                if first > 1 and any(_priority(inside[order[n]]) <= 1 for n in hits):
                    kind = "a second time in one cell"
                else:
                    taken.add(best)
            elif hits:
                kind = "a second time in one cell"
            found[kind] += 1
            kept[kind] += not in_particle
            told[kind] += flagged
            if kind == "cell":
                right[code] += 1
                wrong[code] += flagged
    return {"there": there, "found": found, "kept": kept, "told": told, "right": right,
            "wrong": wrong}  # fmt: skip


def _priority(thing: PlacedObject) -> int:
    if thing.rank == PACKED_RANK:
        return 1
    return {PLATELET: 2, RED: 3}.get(thing.name, 0)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fields", type=int, default=10)
    parser.add_argument("--seed", type=int, default=300)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    assert all(BY_CODE[code].role is not CountRole.COUNTED for code in UNUSUAL)
    library = CellLibrary(FieldSettings().microns_per_pixel, options.seed)
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for title, settings in (
        ("usual", FieldSettings(excluded=0.2)),
        (
            "many that cannot be identified",
            FieldSettings(composition={"NIF": 1, "NGS": 1, "EBO": 1}),
        ),
        ("10 times the platelets", FieldSettings(excluded=0, platelets_per_mm2=3000)),
        ("10 times the dirt", FieldSettings(excluded=0, dirt_per_mm2=15000)),
        ("thick: two layers of red cells", FieldSettings(excluded=0, red=2.0)),
        ("particles", FieldSettings(excluded=0, particles=1.5)),
    ):
        seeds = range(options.seed, options.seed + options.fields)
        tallies = count(settings, seeds, library)
        print(f"{title}, {options.fields} fields")
        for kind in sorted(set(tallies["there"]) | set(tallies["found"])):
            there, found, kept, told = (
                tallies[name][kind] for name in ("there", "found", "kept", "told")
            )
            print(
                f"  {kind:44s} there {there:6d} found {found:5d} not in particles {kept:5d} "
                f"no cell {told:5d}"
            )
        right += tallies["right"]
        wrong += tallies["wrong"]
    print(f"intact cells called no cell: {wrong.total()} of {right.total()}")
    print("  " + ", ".join(f"{code} {wrong[code]} of {right[code]}" for code in sorted(right)))


if __name__ == "__main__":
    main()
