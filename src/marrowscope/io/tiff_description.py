"""What programs write into the description of a TIFF: planes, channels and bits, by OME and ImageJ.

OME-XML: OME-TIFF specification, 2016-06 schema; ImageJ: ``key=value`` lines as its TiffDecoder
reads them. Nothing is parsed as XML, for the text comes from anywhere.
"""

import re
from dataclasses import dataclass

from marrowscope.io.sample_depth import bits_of_white

_PIXELS = re.compile(r"<(?:\w+:)?Pixels\b([^>]*)>")
_CHANNEL = re.compile(r"<(?:\w+:)?Channel\b([^>]*)>")
_ATTRIBUTE = re.compile(r"(\w+)\s*=\s*[\"']([^\"']*)[\"']")
_COLOURS = {0xFF0000: "red", 0x00FF00: "green", 0x0000FF: "blue"}
_FLUORESCENT = re.compile(r"dapi|hoechst|fitc|tritc|texas|cy\d|[egryc]fp|alexa|rhodamine", re.I)


@dataclass(frozen=True)
class PlaneFacts:
    """What a description says of its picture.

    Attributes:
        planes: that there are in all; 1 where it says nothing.
        channels: of these, how many are channels of one picture; None: it does not say.
        depth: largest of the numbers of focal planes and of times; 1 for a single picture.
        names: of the channels, lower case.
        bits: used of every number; None: it does not say.
    """

    planes: int = 1
    channels: int | None = None
    depth: int = 1
    names: tuple[str, ...] = ()
    bits: int | None = None

    @property
    def rgb_order(self) -> tuple[int, int, int] | None:
        """Which plane is red, green and blue, where names or colours say it."""
        if sorted(self.names) != ["blue", "green", "red"]:
            return None
        return (self.names.index("red"), self.names.index("green"), self.names.index("blue"))

    @property
    def fluorescent(self) -> bool:
        """Whether a channel has the name of a fluorescent dye."""
        return any(_FLUORESCENT.search(name) for name in self.names)


def plane_facts(description: str, labels: tuple[str, ...] = ()) -> PlaneFacts:
    """Read the description of the first page.

    Args:
        description: the text.
        labels: of ImageJ's planes, from its own tag.
    """
    if description.startswith("ImageJ="):
        return _of_imagej(description, labels)
    found = _PIXELS.search(description) if "<OME" in description[:2000] else None
    return PlaneFacts() if found is None else _of_ome(description, found)


def _of_imagej(description: str, labels: tuple[str, ...]) -> PlaneFacts:
    lines = (line.partition("=") for line in description.splitlines())
    facts = {key.strip(): value.strip() for key, _, value in lines}
    planes, slices, frames = (_whole(facts.get(key)) for key in ("images", "slices", "frames"))
    names = tuple(label.strip().lower() for label in labels)
    if sorted(names) == ["blue", "green", "red"]:  # what its command "RGB Stack" makes
        return PlaneFacts(planes, 3, 1, names, _white_of_imagej(facts))
    channels = _whole(facts["channels"]) if "channels" in facts else None
    return PlaneFacts(planes, channels, max(slices, frames), (), _white_of_imagej(facts))


def _white_of_imagej(facts: dict[str, str]) -> int | None:
    """The range shown, where it is the whole range of a camera."""
    try:
        return bits_of_white(int(float(facts["max"]))) if float(facts["max"]) % 1 == 0 else None
    except (KeyError, ValueError, OverflowError):
        return None


def _of_ome(description: str, pixels: re.Match[str]) -> PlaneFacts:
    facts = dict(_ATTRIBUTE.findall(pixels[1]))
    end = description.find("Pixels>", pixels.end())
    inside = description[pixels.end() : end if end >= 0 else len(description)]
    channels = [dict(_ATTRIBUTE.findall(one)) for one in _CHANNEL.findall(inside)]
    names = tuple(_channel_name(one) for one in channels)
    size_c, size_z, size_t = (_whole(facts.get(f"Size{axis}")) for axis in "CZT")
    samples = max([1, *(_whole(one.get("SamplesPerPixel")) for one in channels)])
    bits = _whole(facts["SignificantBits"]) if "SignificantBits" in facts else None
    planes = max(1, size_c // samples) * size_z * size_t
    return PlaneFacts(planes, size_c, max(size_z, size_t), names, bits)


def _channel_name(channel: dict[str, str]) -> str:
    name = channel.get("Name", "").strip().lower()
    if name in ("red", "green", "blue") or "Color" not in channel:
        return {"r": "red", "g": "green", "b": "blue"}.get(name, name)
    try:
        return _COLOURS.get(int(channel["Color"]) >> 8 & 0xFFFFFF, name)
    except ValueError:
        return name


def _whole(text: str | None) -> int:
    """A number of planes; 1 where there is none or it makes no sense."""
    try:
        return max(1, min(int(text or 1), 1_000_000))
    except ValueError:
        return 1
