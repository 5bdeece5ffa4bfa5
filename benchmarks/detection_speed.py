"""Cell detection beside what one would write in an afternoon, on the same synthetic fields.

Fields of the study's camera (2452×2056 px) with known cells: dense and 30 % touching, and thin. For
each contestant the megapixels per second of processor time on one core, and F1 with a cell found
where a centre lies within half its radius (cells cut by the edge may be found or not). Peers:
scikit-image (Otsu threshold of the haematoxylin channel, distance transform, watershed), OpenCV
alone (hue and saturation thresholds, connected components), and SimpleITK (extra ``bench``: Otsu
threshold of what red light is taken away, distance map, morphological watershed, as one separates
touching cells with ITK). All are told the expected size of a cell.

    python benchmarks/detection_speed.py [--fields 4] [--json]
"""

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
from scipy import ndimage

from marrowscope.detection.detector import detect
from marrowscope.phantom.cell_library import CellLibrary
from marrowscope.phantom.field_settings import FieldSettings
from marrowscope.phantom.synthetic_field import PhantomField, draw_field
from marrowscope.preprocessing import MICRONS_PER_PIXEL
from side_by_side import in_turn, show, versions

Places = np.ndarray
SHRINK = 4  # the peers work at a quarter of the size: they would be far slower, and no better
MIN_AREA, SEED_DISTANCE = 12.0, 3.0  # µm², µm
BORDER = 60


def ours(image: np.ndarray) -> Places:
    return detect(image, MICRONS_PER_PIXEL).select("x", "y").to_numpy()


def watershed(image: np.ndarray) -> Places | None:
    try:
        from skimage.color import rgb2hed
        from skimage.feature import peak_local_max
        from skimage.filters import threshold_otsu
        from skimage.measure import regionprops
        from skimage.segmentation import watershed as flood
    except ImportError:
        return None
    height, width = (side // SHRINK for side in image.shape[:2])
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    stain = ndimage.gaussian_filter(rgb2hed(small)[..., 0], 1.5)
    mask = ndimage.binary_opening(stain > threshold_otsu(stain), iterations=2)
    depth = ndimage.distance_transform_edt(mask)
    pixel = MICRONS_PER_PIXEL * SHRINK
    distance = round(SEED_DISTANCE / pixel)
    peaks = peak_local_max(ndimage.gaussian_filter(depth, 2), min_distance=distance, labels=mask)
    markers = np.zeros(mask.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    regions = regionprops(flood(-depth, markers, mask=mask))
    found = [one.centroid[::-1] for one in regions if one.area * pixel**2 >= MIN_AREA]
    return (np.array(found).reshape(-1, 2) + 0.5) * SHRINK - 0.5


def itk(image: np.ndarray) -> Places | None:
    try:
        import SimpleITK
    except ImportError:
        return None
    SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    height, width = (side // SHRINK for side in image.shape[:2])
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    pixel = MICRONS_PER_PIXEL * SHRINK
    red = SimpleITK.GetImageFromArray(small[..., 0].astype(np.float32))
    dark = SimpleITK.OtsuThreshold(SimpleITK.SmoothingRecursiveGaussian(red, 1.5), 1, 0)
    opened = SimpleITK.BinaryMorphologicalOpening(dark, [3, 3])
    inside = SimpleITK.SignedMaurerDistanceMap(
        opened, insideIsPositive=False, squaredDistance=False
    )
    smooth = SimpleITK.SmoothingRecursiveGaussian(inside, 1.5)
    # Minima that are not a µm deeper than the pass to the next one belong to the same cell.
    parts = SimpleITK.MorphologicalWatershed(smooth, level=1.0 / pixel, markWatershedLine=False)
    cells = SimpleITK.Mask(parts, opened)
    shape = SimpleITK.LabelShapeStatisticsImageFilter()
    shape.Execute(cells)
    found = [
        shape.GetCentroid(label)
        for label in shape.GetLabels()
        if shape.GetNumberOfPixels(label) * pixel**2 >= MIN_AREA
    ]
    return (np.array(found).reshape(-1, 2) + 0.5) * SHRINK - 0.5


def thresholds(image: np.ndarray) -> Places:
    height, width = (side // SHRINK for side in image.shape[:2])
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    hue, saturation, _ = cv2.split(cv2.cvtColor(small, cv2.COLOR_RGB2HSV))
    mask = ((hue > 115) & (hue < 165) & (saturation > 90)).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    _, _, stats, centres = cv2.connectedComponentsWithStats(mask)
    pixel = MICRONS_PER_PIXEL * SHRINK
    large = stats[1:, cv2.CC_STAT_AREA] * pixel**2 >= MIN_AREA
    return (centres[1:][large] + 0.5) * SHRINK - 0.5


def matched(field: PhantomField, places: Places) -> tuple[int, int, int]:
    """True, missed and false finds."""
    truth = field.cells.select("x", "y", "radius", "touches_border", "is_cell").rows()
    pairs = sorted(
        (distance, one, two)
        for one, (x, y, radius, _, _) in enumerate(truth)
        for two, (a, b) in enumerate(places)
        if (distance := float(np.hypot(x - a, y - b))) <= radius / 2
    )
    met, used = set(), set()
    for _, one, two in pairs:
        if one not in met and two not in used:
            met.add(one)
            used.add(two)
    counted = {row for row, (_, _, _, cut, cell) in enumerate(truth) if cell and not cut}
    height, width = field.image.shape[:2]
    false = sum(
        number not in used and BORDER < x < width - BORDER and BORDER < y < height - BORDER
        for number, (x, y) in enumerate(places)
    )
    return len(counted & met), len(counted - met), int(false)


def f1(fields: list[PhantomField], way: Callable[[np.ndarray], Places]) -> float:
    right, missed, false = np.sum([matched(field, way(field.image)) for field in fields], axis=0)
    return float(2 * right / (2 * right + missed + false))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fields", type=int, default=4, help="of each kind")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    kinds = {
        "thin": FieldSettings(cells_per_mm2=1500),
        "dense, 30 % touching": FieldSettings(cells_per_mm2=4000, touching=0.3),
    }
    fields = {
        kind: [
            draw_field(settings, 900 + number, CellLibrary(MICRONS_PER_PIXEL, 900 + number))
            for number in range(options.fields)
        ]
        for kind, settings in kinds.items()
    }
    everyone = [field for group in fields.values() for field in group]
    ways: dict[str, Callable[[np.ndarray], Places]] = {"marrowscope": ours, "OpenCV": thresholds}
    peers = {"scikit-image watershed": watershed, "SimpleITK watershed": itk}
    there = {name: way for name, way in peers.items() if way(everyone[0].image) is not None}
    ways |= there  # type: ignore[arg-type]

    def timed(way: Callable[[np.ndarray], Places]) -> Callable[[], float]:
        def go() -> float:
            began = time.process_time()
            for field in everyone:
                way(field.image)
            pixels = sum(field.image.shape[0] * field.image.shape[1] for field in everyone)
            return pixels / 1e6 / (time.process_time() - began)

        return go

    medians = in_turn({name: timed(way) for name, way in ways.items()})
    facts = {
        f"F1 {name}, {kind}": round(f1(group, way), 3)
        for name, way in ways.items()
        for kind, group in fields.items()
    }
    facts["fields"] = len(everyone)
    facts["cells"] = sum(field.cells.height for field in everyone)
    facts |= versions("scikit-image", "opencv-python-headless", "scipy", "SimpleITK")
    show("Cell detection, one core, processor time", "marrowscope", medians, facts, options.json,
         "megapixels/s")  # fmt: skip


if __name__ == "__main__":
    main()
