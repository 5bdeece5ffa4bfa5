"""Pictures of fields and their boxes, in the formats of annotation tools."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

WIDTH, HEIGHT = 640, 480
# name of the class, then x, y, width, height in px from the corner of the first pixel
BOXES = (("BLA", 100, 50, 80, 90), ("lymphocyte", 300, 200, 61, 61), ("RBC", 500, 400, 70, 60))


def picture(path: Path, seed: int = 0, width: int = WIDTH, height: int = HEIGHT) -> Path:
    """A field with a dark square in each of ``BOXES``, in other noise for every seed."""
    random = np.random.default_rng(seed)
    image = random.integers(200, 256, (height, width, 3)).astype(np.uint8)
    for _, x, y, wide, high in BOXES:
        image[y : y + high, x : x + wide] //= 4
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)
    return path


def coco(path: Path, names: list[str], boxes: Any = BOXES, **changes: Any) -> Path:
    """A COCO file in which every named picture has the boxes."""
    classes = list(dict.fromkeys(name for name, *_ in boxes))
    content = {
        "images": [
            {"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT}
            for number, name in enumerate(names, 1)
        ],
        "categories": [{"id": number, "name": name} for number, name in enumerate(classes, 1)],
        "annotations": [
            {
                "id": len(boxes) * place + number, "image_id": place + 1, "iscrowd": 0,
                "category_id": classes.index(name) + 1, "bbox": [x, y, wide, high],
                "area": wide * high,
                "segmentation": [[x, y, x + wide, y, x + wide, y + high, x, y + high]],
            }
            for place in range(len(names))
            for number, (name, x, y, wide, high) in enumerate(boxes, 1)
        ],
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content | changes))
    return path


def voc(path: Path, name: str, boxes: Any = BOXES, first: int = 1, head: str = "") -> Path:
    """A VOC file; ``first`` is the number of the first pixel."""
    objects = "".join(
        f"<object><name>{label}</name><bndbox><xmin>{x + first}</xmin><ymin>{y + first}</ymin>"
        f"<xmax>{x + wide + first - 1}</xmax><ymax>{y + high + first - 1}</ymax></bndbox></object>"
        for label, x, y, wide, high in boxes
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"{head}<annotation><filename>{name}</filename><size><width>{WIDTH}</width>"
        f"<height>{HEIGHT}</height><depth>3</depth></size>{objects}</annotation>"
    )
    return path


def yolo(path: Path, boxes: Any = BOXES) -> Path:
    """A YOLO label file."""
    classes = list(dict.fromkeys(name for name, *_ in BOXES))
    lines = [
        f"{classes.index(name)} {(x + wide / 2) / WIDTH:.8f} {(y + high / 2) / HEIGHT:.8f} "
        f"{wide / WIDTH:.8f} {high / HEIGHT:.8f}"
        for name, x, y, wide, high in boxes
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path
