"""Transparency in images: laid on white, the colour of empty background, or left out and noted."""

import numpy as np
from PIL import Image

NOWHERE, EVERYWHERE = "opaque alpha channel dropped", "alpha channel ignored (0 everywhere)"
LAID = "transparency laid on white"


def without_transparency(
    image: Image.Image, premultiplied: bool = False
) -> tuple[Image.Image, str | None]:
    """The image in RGB as it looks on white, and what was done.

    Some programs write an alpha channel and never fill it: where it is 0 everywhere the picture
    would be white, and what they meant is the colours.

    Args:
        image: of any mode with transparency, or a palette with a transparent colour.
        premultiplied: whether its colours are multiplied by the alpha channel already.
    """
    premultiplied = premultiplied or image.mode in ("RGBa", "La")
    colour = image
    if image.mode == "RGBa":  # Pillow's conversion would divide by 0
        colour = Image.frombytes("RGBA", image.size, image.tobytes())
    elif image.mode != "RGBA":
        colour = image.convert("RGBA")
    low, high = colour.getchannel("A").getextrema()
    if high == 0:
        return colour.convert("RGB"), EVERYWHERE
    if low == 255:
        return colour.convert("RGB"), NOWHERE
    if premultiplied:
        values = np.asarray(colour).astype(np.uint16)
        light = values[..., :3] + (255 - values[..., 3:])
        return Image.fromarray(np.minimum(light, 255).astype(np.uint8)), LAID
    white = Image.new("RGBA", colour.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, colour).convert("RGB"), LAID
