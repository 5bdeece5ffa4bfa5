"""Put quantiles of training images into the card of a bundle: `predict` warns of cells unlike them.

python tools/measure_training_appearance.py BUNDLE IMAGES [--every 5]
"""

import argparse
import json
from pathlib import Path

from marrowscope.inference.training_appearance import FACTS, appearance_facts
from marrowscope.io.image_decoding import read_image
from marrowscope.preprocessing import prepare


def main() -> None:
    """Read the folder, write the card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument(
        "images", type=Path, help="Folder of the training images, named CODE_NUMBER.jpg."
    )
    parser.add_argument("--every", type=int, default=5)
    options = parser.parse_args()
    place = options.bundle / "card.json"
    card = json.loads(place.read_text(encoding="utf-8"))
    card["data"][FACTS] = {
        code: appearance_facts(
            [
                prepare(read_image(path), None)
                for path in sorted(options.images.rglob(f"{code}_*.jpg"))[:: options.every]
            ]
        )
        for code in card["known"]
    }
    place.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
