"""Colour profiles (ICC) in image files: an image and its profile go in, sRGB comes out.

Networks learn from pictures that say nothing and are meant as sRGB. The same cell in Display P3 or
Adobe RGB has other numbers for the same colours; a profile that says so is therefore applied, by
LittleCMS. One that stands for sRGB changes nothing, and none is invented.
"""

from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}  # Pillow's mode → ICC signature
_UNSEEN = 2  # of 255; versions of the sRGB profile differ by this much
_LARGEST = 4_000_000  # bytes; a table for printing presses takes 1 to 2 MB
LAB = "LAB"

Applied = tuple[Image.Image, str | None]  # in RGB, and what was done


def to_srgb(image: Image.Image, profile: bytes | None) -> Applied:
    """Apply the profile of an image.

    Args:
        image: of mode RGB, L, CMYK or LAB; others come back as they are.
        profile: from the file; None where it has none.

    Returns:
        The image, in RGB if anything was applied, and a note (None: nothing to say).
    """
    if image.mode == LAB:
        done = ImageCms.applyTransform(image, _from_lab())
        return (image if done is None else done), "CIELAB to RGB"
    if not profile or image.mode not in _SPACES:
        return image, None
    transform, note = _transform(bytes(profile), image.mode)
    if transform is None:
        return image, note
    done = ImageCms.applyTransform(image, transform)
    return (image if done is None else done), note


def is_srgb(profile: bytes | None) -> bool:
    """Whether nothing has to be done with a colour image that has this profile (or none)."""
    return not profile or _transform(bytes(profile), "RGB") == (None, None)


@lru_cache(32)  # pictures of one microscope have one profile
def _transform(profile: bytes, mode: str) -> tuple[ImageCms.ImageCmsTransform | None, str | None]:
    if len(profile) > _LARGEST:
        return None, "colour profile of over 4 MB ignored"
    try:
        own = ImageCms.ImageCmsProfile(BytesIO(profile))
        space = own.profile.xcolor_space.strip()
        name = " ".join((own.profile.profile_description or "without a name").split())[:60]
        if space != _SPACES[mode]:
            return None, f"colour profile ignored ({name} is for {space})"
        made = ImageCms.buildTransform(own, ImageCms.createProfile("sRGB"), mode, "RGB")
    except Exception:  # LittleCMS knows many ways in which a profile can be wrong
        return None, "damaged colour profile ignored"
    if mode != "CMYK" and _changes_nothing(made, mode):
        return None, None
    return made, f"colour profile applied ({name.replace(';', ',')})"


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    steps = np.arange(0, 256, 17, dtype=np.uint8)
    if mode == "RGB":
        probe = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(1, -1, 3)
        wanted = probe
    else:
        probe = np.arange(256, dtype=np.uint8)[None]
        wanted = np.repeat(probe[..., None], 3, axis=2)
    found = ImageCms.applyTransform(Image.fromarray(probe), transform)
    return found is not None and bool(
        np.abs(np.asarray(found).astype(int) - wanted.astype(int)).max() <= _UNSEEN
    )


@lru_cache(1)
def _from_lab() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
    )
