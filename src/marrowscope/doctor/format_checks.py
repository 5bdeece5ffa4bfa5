"""From small files written here to checks of image formats, slide formats, fonts and PDF."""

import io
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from marrowscope.doctor.health_check import Check, State, guarded, one_line
from marrowscope.errors import InputError
from marrowscope.extras import install_line

GROUP, REPORTS = "formats", "reports"
IMAGES = ("JPEG", "PNG", "TIFF", "BMP", "WEBP")
# OpenSlide cannot be asked for them; these are the readers of version 4.0 (openslide.org/formats).
VENDORS = (
    "Aperio",
    "DICOM",
    "Hamamatsu",
    "Leica",
    "MIRAX",
    "Philips",
    "Sakura",
    "Trestle",
    "Ventana",
    "Zeiss",
    "generic tiled TIFF",
)
CHINESE, JAPANESE, KOREAN = "细胞", "さいぼう", "세포"
PANGO = "apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
_MICRONS = 0.25


def image_formats() -> Check:
    """Write a small image in every format, and read it."""
    import numpy as np
    from PIL import Image

    from marrowscope.io.image_decoding import decode

    failed: dict[str, str] = {}
    for kind in IMAGES:
        stream = io.BytesIO()
        try:
            Image.new("RGB", (32, 24), (200, 60, 90)).save(stream, kind)
            pixels = decode(stream.getvalue(), kind)
            if pixels.shape != (24, 32, 3) or abs(int(np.mean(pixels[..., 0])) - 200) > 4:
                failed[kind] = "gives other pixels"
        except Exception as error:
            failed[kind] = one_line(error)
    works = [kind for kind in IMAGES if kind not in failed]
    facts = {"works": works, "failed": failed}
    if failed:
        sentence = "cannot be read: " + ", ".join(f"{kind} ({why})" for kind, why in failed.items())
        advice = "pip install --force-reinstall pillow simplejpeg opencv-python-headless"
        return Check(GROUP, "images", State.PROBLEM, sentence, advice, facts=facts)
    return Check(GROUP, "images", State.OK, "can be read: " + ", ".join(works), facts=facts)


def slide_formats() -> Check:
    """Write a pyramid as tiled TIFF and as OME-TIFF, and open both; the version of OpenSlide."""
    import openslide

    version = str(openslide.__library_version__)
    vendors = [name for name in VENDORS if name != "DICOM" or _at_least_4(version)]
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="marrowscope-") as folder:
        for kind in ("tiled TIFF", "OME-TIFF"):
            try:
                _open(Path(folder) / kind, ome=kind == "OME-TIFF")
            except Exception as error:
                failed[kind] = one_line(error)
    facts = {"openslide": version, "vendors": vendors, "failed": failed}
    if failed:
        sentence = "cannot be opened: " + ", ".join(
            f"{kind} ({why})" for kind, why in failed.items()
        )
        advice = "pip install --force-reinstall openslide-python openslide-bin tifffile"
        return Check(GROUP, "slides", State.PROBLEM, sentence, advice, facts=facts)
    sentence = f"OpenSlide {version}: {', '.join(vendors)}; OME-TIFF"
    if "DICOM" not in vendors:
        advice = "pip install --upgrade openslide-python openslide-bin"
        sentence += "; slides as DICOM need OpenSlide 4.0"
        return Check(GROUP, "slides", State.PROBLEM, sentence, advice, facts=facts)
    return Check(GROUP, "slides", State.OK, sentence, facts=facts)


def _at_least_4(version: str) -> bool:
    return int(version.split(".")[0]) >= 4


def _open(path: Path, ome: bool) -> None:
    import numpy as np
    import tifffile

    from marrowscope.slides.open_slide import open_slide

    pixels = np.full((128, 192, 3), (200, 60, 90), np.uint8)
    facts: dict[str, Any] = {"resolution": (1e4 / _MICRONS,) * 2, "resolutionunit": "CENTIMETER"}
    if ome:
        size = {f"PhysicalSize{axis}": _MICRONS for axis in "XY"}
        units = {f"PhysicalSize{axis}Unit": "µm" for axis in "XY"}
        facts = {"metadata": {"axes": "YXS", **size, **units}}
    else:
        facts["metadata"] = None
    with tifffile.TiffWriter(path, ome=ome) as writer:
        writer.write(pixels, photometric="rgb", tile=(64, 64), compression="zlib", **facts)
    slide = open_slide(path)
    if slide.size != (192, 128) or abs(slide.microns_per_pixel - _MICRONS) > 1e-3:
        raise InputError(f"is read as {slide.size} px of {slide.microns_per_pixel} µm")


def fonts() -> Check:
    """Whether figures can be drawn: the font that comes with matplotlib."""
    from matplotlib.font_manager import FontProperties, findfont

    from marrowscope.report.fonts import BASE

    try:
        path = findfont(FontProperties(family=[BASE]), fallback_to_default=False)
    except ValueError:
        sentence = f"{BASE}, which comes with matplotlib, is not there"
        advice = "pip install --force-reinstall matplotlib"
        return Check(REPORTS, "fonts", State.PROBLEM, sentence, advice)
    sentence = f"{BASE}, which comes with matplotlib"
    return Check(REPORTS, "fonts", State.OK, sentence, facts={"path": str(path)})


def cjk_fonts() -> Check:
    """Whether figures can show names of classes in Chinese, Japanese and Korean."""
    from marrowscope.report.fonts import drawable_text, font_families

    missing, found = [], []
    languages = {"Chinese": CHINESE, "Japanese": JAPANESE, "Korean": KOREAN}
    for language, text in languages.items():
        names = font_families([text])
        if drawable_text(text, names) == text:
            found += names[1:]
        else:
            missing.append(language)
    facts = {"missing": missing, "fonts": sorted(set(found))}
    if missing:
        sentence = f"no font for names of classes in {', '.join(missing)}; figures give numbers"
        advice = "apt install fonts-noto-cjk"
        return Check(REPORTS, "CJK fonts", State.MISSING, sentence, advice, facts=facts)
    sentence = ", ".join(sorted(set(found)))
    return Check(REPORTS, "CJK fonts", State.OK, sentence, facts=facts)


def pdf() -> Check:
    """Write a PDF of one line."""
    if find_spec("weasyprint") is None:
        sentence = "WeasyPrint is not installed; reports are HTML, JSON and CSV"
        return Check(REPORTS, "PDF", State.MISSING, sentence, install_line("pdf"))
    from marrowscope.report.pdf_export import html_to_pdf as write_pdf

    try:
        page = "<html lang=en><title>doctor</title><p>0.5 µm × 21 classes"
        size = len(write_pdf(page))
    except InputError:
        sentence = "WeasyPrint is installed, the system library Pango is not"
        return Check(REPORTS, "PDF", State.MISSING, sentence, PANGO)
    except Exception as error:
        sentence = f"cannot be written ({one_line(error)})"
        advice = f"{PANGO} && {install_line('pdf')} --upgrade"
        return Check(REPORTS, "PDF", State.PROBLEM, sentence, advice)
    sentence = f"a page of {size / 1000:.0f} kB was written"
    return Check(REPORTS, "PDF", State.OK, sentence, facts={"bytes": size})


# Name of the check → group, function, and whether marrowscope is of no use without.
PROBES = {
    "images": (GROUP, image_formats, True),
    "slides": (GROUP, slide_formats, True),
    "fonts": (REPORTS, fonts, True),
    "CJK fonts": (REPORTS, cjk_fonts, False),
    "PDF": (REPORTS, pdf, False),
}


def examine(name: str) -> dict[str, Any]:
    """One of ``PROBES``, as plain JSON values; called in a process of its own."""
    group, probe, core = PROBES[name]
    return guarded(group, name, probe, core).to_dict()
