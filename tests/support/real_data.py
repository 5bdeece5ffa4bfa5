"""Where real images lie: outside the repository; tests that need them skip with a reason."""

import os
from pathlib import Path

DATA = Path(os.environ.get("MARROWSCOPE_DATA", Path(__file__).parents[3] / "shared" / "data"))


def linked_sample(sample: Path, folder: Path, of_each: int) -> Path:
    """A folder of links to some images of each class, evenly spread, in the same layout."""
    for group in sorted(path for path in sample.iterdir() if path.is_dir()):
        images = sorted(path for path in group.rglob("*") if path.is_file())
        (folder / group.name).mkdir(parents=True)
        for number in range(of_each):
            image = images[number * len(images) // of_each]
            (folder / group.name / image.name).symlink_to(image)
    return folder
