"""Cells of the decoding matrix: a tiny file each, and what an independent reader makes of it.

TIFFs are written and read by tifffile with imagecodecs; what tifffile cannot write is put together
tag by tag. Files of other formats are written and read by imagecodecs, OpenCV or Pillow, never by
the library that marrowscope reads them with, where there is a second one.
"""

import io
import itertools
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import imagecodecs
import numpy as np
import tifffile
from PIL import Image

HIGH, WIDE = 37, 26


@dataclass(frozen=True)
class Cell:
    """One file of the matrix.

    Attributes:
        name: format, depth, layout, compression, order.
        data: the file.
        pixels: (H, W, 3) uint8 of an independent reader; None where it has to be refused.
        reason: of the refusal, a regular expression.
        near: by how much of 255 pixels may differ, where a format leaves that open.
    """

    name: str
    data: bytes
    pixels: np.ndarray | None
    reason: str = ""
    near: int = 0


def numbers(*shape: int, largest: int, seed: int = 0) -> np.ndarray:
    """Whole numbers from 0 to ``largest``, which is among them."""
    found = np.random.default_rng(seed).integers(0, largest, shape, np.uint64, endpoint=True)
    found.flat[:2] = 0, largest
    return found


# Depth: NumPy type, largest number, bits that are used, bits that a number takes in the file.
DEPTHS = {
    "8": (np.uint8, 255, 8, 8),
    "16": (np.uint16, 65535, 16, 16),
    "8 in 16": (np.uint16, 255, 8, 16),
    "10 in 16": (np.uint16, 1023, 10, 16),
    "12 in 16": (np.uint16, 4095, 12, 16),
    "14 in 16": (np.uint16, 16383, 14, 16),
    "10 packed": (np.uint16, 1023, 10, 10),
    "12 packed": (np.uint16, 4095, 12, 12),
    "14 packed": (np.uint16, 16383, 14, 14),
    "half": (np.float16, 1, 0, 16),
    "float": (np.float32, 1, 0, 32),
    "double": (np.float64, 1, 0, 64),
    "float to 255": (np.float32, 255, 0, 32),
    "int8": (np.int8, 127, 0, 8),
    "int16": (np.int16, 32767, 0, 16),
    "int32": (np.int32, 2**31 - 1, 0, 32),
    "uint32": (np.uint32, 2**32 - 1, 0, 32),
    "uint64": (np.uint64, 2**63, 0, 64),
}
REASONS = {
    "float to 255": r"32-bit floating point with values from 0 to 255, where 0 to 1",
    "int8": "8-bit signed whole numbers", "int16": "16-bit signed whole numbers",
    "int32": "32-bit signed whole numbers", "uint32": "32-bit whole numbers",
    "uint64": "64-bit whole numbers",
}  # fmt: skip
LAYOUTS = (
    "grey", "white is zero", "RGB", "RGB planes", "RGB as grey", "RGB as grey planes", "RGBA",
    "RGBA planes", "RGB and unknown", "grey and alpha", "three pages", "CMYK", "thumbnail first",
)  # fmt: skip
COMPRESSIONS = {
    "none": None, "deflate": "adobe_deflate", "old deflate": "deflate", "LZW": "lzw",
    "PackBits": "packbits", "LZMA": "lzma", "Zstandard": "zstd",
}  # fmt: skip
USUAL = ("none", "deflate", "LZW")
WITH_PREDICTOR = ("deflate", "LZW", "Zstandard")


def eight_bits(stored: np.ndarray, used: int) -> np.ndarray:
    """The high byte of what is used; floating-point numbers from 0 to 1 times 255."""
    if stored.dtype.kind == "f":
        return np.rint(stored.astype(np.float32) * 255).astype(np.uint8)
    return (stored.astype(np.int64) >> (used - 8)).astype(np.uint8)


def looks(stored: np.ndarray, layout: str, used: int) -> np.ndarray:
    """(H, W, samples) as stored → (H, W, 3) uint8 as the layout wants it shown."""
    values = eight_bits(stored, used)
    if layout == "white is zero":
        values = 255 - values
    if layout == "CMYK":
        return np.array(Image.fromarray(values, "CMYK").convert("RGB"))
    if layout in ("RGBA", "RGBA planes", "grey and alpha"):
        alpha = values[..., -1:].astype(float) / 255
        colour = values[..., :-1] * alpha + 255 * (1 - alpha)
        values = np.rint(colour).astype(np.uint8)
    values = values[..., :3]
    return np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values


def stored_numbers(layout: str, depth: str) -> np.ndarray:
    """(H, W, samples) of one layout, over the whole range of a depth."""
    kind, largest, _, _ = DEPTHS[depth]
    samples = {
        "CMYK": 4, "RGBA": 4, "RGBA planes": 4, "RGB and unknown": 4, "grey": 1,
        "white is zero": 1, "grey and alpha": 2,
    }.get(layout, 3)  # fmt: skip
    if np.dtype(kind).kind == "f":
        return (numbers(HIGH, WIDE, samples, largest=1000) / 1000 * largest).astype(kind)
    return numbers(HIGH, WIDE, samples, largest=largest).astype(kind)


def tiff_cells(layout: str, depth: str) -> Iterator[Cell]:
    """All compressions, predictors, byte orders, strips and tiles of one layout and depth."""
    kind, _, used, bits = DEPTHS[depth]
    stored = stored_numbers(layout, depth)
    for compression, predictor, order, tile in itertools.product(
        COMPRESSIONS, (False, True), "<>", (False, True)
    ):
        if depth in REASONS and (compression not in ("none", "LZW") or tile):
            continue  # refused for what the numbers are, however they are packed
        if tile != (order == ">") and (depth != "16" or compression not in USUAL):
            continue
        if compression not in USUAL and depth not in ("8", "16"):
            continue
        if predictor and (compression not in WITH_PREDICTOR or bits % 8 or kind == np.uint64):
            continue
        if bits % 8 and (compression != "none" or order == "<"):
            continue  # tifffile writes such numbers big-endian and uncompressed
        name = " · ".join(
            ("TIFF", depth, layout, compression + " with predictor" * predictor,
             {"<": "little", ">": "big"}[order], "tiles" if tile else "strips")
        )  # fmt: skip
        data = written(stored, layout, bits, COMPRESSIONS[compression], predictor, order, tile)
        if depth in REASONS:
            yield Cell(name, data, None, REASONS[depth])
            continue
        near = 1 if "alpha" in layout or "RGBA" in layout else 0  # rounding of the mixture
        yield Cell(name, data, looks(read_again(data, layout), layout, used), near=near)


def written(
    stored: np.ndarray, layout: str, bits: int, compression: str | None, predictor: bool,
    order: str, tile: bool, big: bool = False,
) -> bytes:  # fmt: skip
    """A TIFF of (H, W, samples) numbers; ``big``: with places of eight bytes."""
    stream = io.BytesIO()
    options = {
        "compression": compression, "predictor": predictor or None, "metadata": None,
        "software": False,
    }  # fmt: skip
    options |= {"tile": (16, 32)} if tile else {"rowsperstrip": 8}
    if bits % 8:
        options["bitspersample"] = bits
    apart = np.ascontiguousarray(np.moveaxis(stored, 2, 0))
    with tifffile.TiffWriter(stream, byteorder=order, bigtiff=big) as writer:
        if layout in ("grey", "white is zero"):
            photometric = "minisblack" if layout == "grey" else "miniswhite"
            writer.write(stored[..., 0], photometric=photometric, **options)
        elif layout == "three pages":
            for page in apart:
                writer.write(page, photometric="minisblack", **options)
        elif layout == "thumbnail first":
            small = np.ascontiguousarray(stored[: HIGH // 2, : WIDE // 2])
            writer.write(small, photometric="rgb", subfiletype=1, **options)
            writer.write(stored, photometric="rgb", **options)
        else:
            photometric = {"CMYK": "separated", "grey and alpha": "minisblack",
                           "RGB as grey": "minisblack",
                           "RGB as grey planes": "minisblack"}.get(layout, "rgb")  # fmt: skip
            planes = "planes" in layout
            extra = {"RGBA": ["unassalpha"], "RGBA planes": ["unassalpha"],
                     "grey and alpha": ["unassalpha"],
                     "RGB and unknown": ["unspecified"]}.get(layout)  # fmt: skip
            writer.write(
                apart if planes else stored, photometric=photometric, extrasamples=extra,
                planarconfig="separate" if planes else "contig", **options,
            )  # fmt: skip
    return stream.getvalue()


def read_again(data: bytes, layout: str) -> np.ndarray:
    """(H, W, samples) of tifffile and imagecodecs."""
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        if layout == "three pages":
            return np.stack([page.asarray() for page in tiff.pages], axis=-1)
        page = tiff.pages[-1]
        found = page.asarray()
        if found.ndim == 2:
            return found[..., None]
        return np.moveaxis(found, 0, 2) if page.planarconfig == 2 else found


def bigtiff_cells() -> Iterator[Cell]:
    """BigTIFF, of which Pillow knows one byte order alone."""
    for layout, depth, order, tile, compression in itertools.product(
        LAYOUTS, ("8", "12 in 16", "float"), "<>", (False, True), ("none", "deflate", "LZW")
    ):
        _, _, used, bits = DEPTHS[depth]
        stored = stored_numbers(layout, depth)
        data = written(
            stored, layout, bits, COMPRESSIONS[compression], False, order, tile, big=True
        )
        byte_order, pieces = {"<": "little", ">": "big"}[order], "tiles" if tile else "strips"
        near = 1 if "alpha" in layout or "RGBA" in layout else 0
        yield Cell(
            f"BigTIFF · {depth} · {layout} · {compression} · {byte_order} · {pieces}", data,
            looks(read_again(data, layout), layout, used), near=near,
        )  # fmt: skip
    stream = io.BytesIO()
    tifffile.imwrite(
        stream, smooth_picture(), photometric="rgb", compression="jpeg", byteorder=">", bigtiff=True
    )
    yield Cell("BigTIFF · 8 · RGB · jpeg · big", stream.getvalue(), None, "a big-endian BigTIFF")


def other_tiff_cells() -> Iterator[Cell]:
    """Compressions of whole pictures, few bits, palettes, and what nobody can read for certain."""
    smooth = smooth_picture()
    for photometric, tiled in itertools.product(("rgb", "ycbcr", "minisblack"), (False, True)):
        picture = smooth[..., 0] if photometric == "minisblack" else smooth
        stream = io.BytesIO()
        tifffile.imwrite(
            stream, picture, photometric=photometric, compression="jpeg", metadata=None,
            **({"tile": (32, 32)} if tiled else {"rowsperstrip": 64}),
        )  # fmt: skip
        found = tifffile.imread(io.BytesIO(stream.getvalue()))
        name = f"TIFF · 8 · {photometric} · jpeg · {'tiles' if tiled else 'one strip'}"
        yield Cell(name, stream.getvalue(), as_rgb(found), near=6)
    for mode, compression in itertools.product(
        ("1", "L", "P", "LAB"), (None, "tiff_lzw", "group3", "group4", "tiff_adobe_deflate")
    ):
        if compression in ("group3", "group4") and mode != "1":
            continue
        image = Image.fromarray(smooth[..., 0] if mode != "P" else smooth)
        image = image.convert("RGB").quantize(16) if mode == "P" else image.convert(mode) if (
            mode != "LAB") else lab_picture()  # fmt: skip
        stream = io.BytesIO()
        image.save(stream, "TIFF", compression=compression)
        data = stream.getvalue()
        name = f"TIFF · {mode} · {compression}"
        with tifffile.TiffFile(io.BytesIO(data)) as tiff:
            page = tiff.pages[0]
            found = page.asarray()
            if mode == "P":
                found = (page.colormap.T[found] >> 8).astype(np.uint8)
            elif mode == "1":
                found = found.astype(np.uint8) * 255
                found = 255 - found if page.photometric == 0 else found
            elif mode == "LAB":
                yield Cell(name, data, lab_to_rgb(found), near=3)
                continue
        yield Cell(name, data, as_rgb(found))
    for bits, photometric, order in itertools.product((1, 2, 4), (0, 1, 3), "<>"):
        yield few_bits(bits, photometric, order)
    yield from uncompressed_ycbcr()


def smooth_picture(high: int = HIGH, wide: int = WIDE) -> np.ndarray:
    """RGB without edges, which lossy formats keep nearly as it is."""
    y, x = np.mgrid[:high, :wide]
    return np.stack([x * 255 // wide, y * 255 // high, 128 + 0 * x], axis=2).astype(np.uint8)


def lab_picture() -> Image.Image:
    y, x = np.mgrid[:HIGH, :WIDE]
    values = np.stack([100 + y * 2, 132 + x // 3, 128 - y // 3], axis=2).astype(np.uint8)
    return Image.frombytes("LAB", (WIDE, HIGH), values.tobytes())


def lab_to_rgb(stored: np.ndarray) -> np.ndarray:
    from skimage.color import lab2rgb

    signed = stored.view(np.int8).astype(float)
    lab = np.stack([stored[..., 0] / 2.55, signed[..., 1], signed[..., 2]], axis=2)
    with warnings.catch_warnings(action="ignore"):  # of colours that sRGB does not have
        return np.rint(lab2rgb(lab, illuminant="D50") * 255).astype(np.uint8)


def few_bits(bits: int, photometric: int, order: str) -> Cell:
    """Grey or a palette of 1, 2 or 4 bits, put together tag by tag."""
    stored = numbers(HIGH, WIDE, largest=(1 << bits) - 1).astype(np.uint8)
    single = np.unpackbits(stored[..., None], axis=2)[..., 8 - bits :]
    packed = np.packbits(single.reshape(HIGH, -1), axis=1).tobytes()
    palette = numbers(3 << bits, largest=255).astype(np.uint16) * 257
    tags = {256: WIDE, 257: HIGH, 258: bits, 259: 1, 262: photometric, 273: 0, 277: 1, 278: HIGH,
            279: len(packed)}  # fmt: skip
    extra = {320: palette} if photometric == 3 else {}
    data = tagged(tags, packed, order, extra)
    if photometric == 3:
        pixels = (palette.reshape(3, -1).T[stored] >> 8).astype(np.uint8)
    else:
        grey = (stored.astype(int) * 255 // ((1 << bits) - 1)).astype(np.uint8)
        pixels = as_rgb(255 - grey if photometric == 0 else grey)
    names = {0: "white is zero", 1: "grey", 3: "palette"}
    order_name = {"<": "little", ">": "big"}[order]
    return Cell(f"TIFF · {bits} · {names[photometric]} · none · {order_name}", data, pixels)


def uncompressed_ycbcr() -> Iterator[Cell]:
    """Without and with fewer samples of colour; only the former says every pixel."""
    ycc = np.array(Image.fromarray(smooth_picture(32, 32)).convert("YCbCr"))
    tags = {
        256: 32,
        257: 32,
        258: (8, 8, 8),
        259: 1,
        262: 6,
        273: 0,
        277: 3,
        278: 32,
        279: ycc.size,
    }
    data = tagged(tags | {530: (1, 1)}, ycc.tobytes(), "<", {})
    pixels = np.array(Image.fromarray(ycc, "YCbCr").convert("RGB"))
    yield Cell("TIFF · 8 · YCbCr 4:4:4 · none", data, pixels, near=1)
    half = ycc.reshape(-1)[: 32 * 32 * 3 // 2]
    data = tagged(tags | {279: half.size, 530: (2, 2)}, half.tobytes(), "<", {})
    yield Cell("TIFF · 8 · YCbCr 4:2:0 · none", data, None, "YCbCr")


def tagged(
    tags: dict[int, int | tuple[int, ...]], pixels: bytes, order: str, extra: dict[int, np.ndarray]
) -> bytes:
    """A TIFF with one strip; whole numbers as SHORT, or LONG where they need it."""
    entries: list[bytes] = []
    beside = b""
    everything = {**tags, **{tag: tuple(map(int, value)) for tag, value in extra.items()}}
    start = 8 + 2 + 12 * len(everything) + 4
    for tag in sorted(everything):
        value = everything[tag]
        values = value if isinstance(value, tuple) else (value,)
        code, kind = ("I", 4) if tag in (273, 279) else ("H", 3)
        packed = struct.pack(f"{order}{len(values)}{code}", *values)
        if len(packed) > 4:
            packed, beside = (
                struct.pack(order + "I", start + len(beside)),
                beside + packed + b"\0" * (len(packed) % 2),
            )
        entries.append(struct.pack(order + "HHI", tag, kind, len(values)) + packed.ljust(4, b"\0"))
    place = start + len(beside)
    data = b"".join(entries)
    where = struct.pack(order + "HHI", 273, 4, 1)
    data = data.replace(where + bytes(4), where + struct.pack(order + "I", place))
    mark = b"II*\0" if order == "<" else b"MM\0*"
    head = mark + struct.pack(order + "IH", 8, len(entries))
    return head + data + bytes(4) + beside + pixels


def as_rgb(pixels: np.ndarray) -> np.ndarray:
    """Grey or RGB as (H, W, 3)."""
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels[..., :3]


def png_cells() -> Iterator[Cell]:
    """Written and read by imagecodecs (8 and 16 bits), or written by Pillow and read by OpenCV."""
    for (depth, (kind, largest, used, _)), samples in itertools.product(
        list(DEPTHS.items())[:6], (1, 2, 3, 4)
    ):
        stored = numbers(HIGH, WIDE, samples, largest=largest).astype(kind)
        if samples == 2 and used != 8 and depth != "16":
            continue  # Pillow keeps the high byte of grey with transparency
        data = bytes(imagecodecs.png_encode(stored[..., 0] if samples == 1 else stored))
        found = np.atleast_3d(imagecodecs.png_decode(data))
        layout = {1: "grey", 2: "grey and alpha", 3: "RGB", 4: "RGBA"}[samples]
        near = 1 if samples in (2, 4) else 0
        yield Cell(f"PNG · {depth} · {layout}", data, looks(found, layout, used), near=near)
    smooth = Image.fromarray(smooth_picture())
    for bits in (1, 2, 4, 8):
        stream = io.BytesIO()
        smooth.quantize(1 << bits).save(stream, "PNG", bits=bits)
        yield Cell(f"PNG · palette of {bits} bits", stream.getvalue(), by_opencv(stream.getvalue()))
    stream = io.BytesIO()
    smooth.convert("1").save(stream, "PNG")
    yield Cell("PNG · 1 · grey", stream.getvalue(), by_opencv(stream.getvalue()))


def by_opencv(data: bytes) -> np.ndarray:
    """(H, W, 3) RGB uint8."""
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)


def cells_of_other_formats() -> Iterator[Cell]:
    """JPEG, JPEG 2000, WebP, AVIF, BMP and GIF."""
    smooth, noise = smooth_picture(), numbers(HIGH, WIDE, 3, largest=255).astype(np.uint8)
    for mode, subsampling, progressive in itertools.product(
        ("RGB", "L", "CMYK"), (0, 1, 2), (False, True)
    ):
        stream = io.BytesIO()
        Image.fromarray(smooth).convert(mode).save(
            stream, "JPEG", subsampling=subsampling, progressive=progressive, quality=95
        )
        name = f"JPEG · {mode} · subsampling {subsampling}" + " · progressive" * progressive
        found = imagecodecs.jpeg8_decode(stream.getvalue())
        if mode == "CMYK":  # Adobe's are stored inverted, which Pillow undoes and libjpeg does not
            found = np.array(Image.fromarray(255 - found, "CMYK").convert("RGB"))
        yield Cell(name, stream.getvalue(), as_rgb(found), near=1)
    for codec, (depth, samples) in itertools.product(
        ("jp2", "j2k"), itertools.product(("8", "10 packed", "12 packed", "16"), (1, 3))
    ):
        kind, largest, used, _ = DEPTHS[depth]
        stored = numbers(HIGH, WIDE, samples, largest=largest).astype(kind)
        flat = stored[..., 0] if samples == 1 else stored
        data = bytes(
            imagecodecs.jpeg2k_encode(flat, level=0, bitspersample=used, codecformat=codec)
        )
        found = np.atleast_3d(imagecodecs.jpeg2k_decode(data))
        layout = {1: "grey", 3: "RGB"}[samples]
        yield Cell(f"JPEG 2000 · {depth} · {layout} · {codec}", data, looks(found, layout, used))
    for lossless in (False, True):
        data = bytes(imagecodecs.webp_encode(smooth, level=90, lossless=lossless))
        yield Cell(
            f"WebP · {'lossless' if lossless else 'lossy'}", data, imagecodecs.webp_decode(data)
        )
    for used in (8, 10, 12):
        deep = smooth.astype(np.uint16) << (used - 8)
        data = bytes(imagecodecs.avif_encode(
            smooth if used == 8 else deep, level=95, bitspersample=used))  # fmt: skip
        found = imagecodecs.avif_decode(data)
        yield Cell(f"AVIF · {used}", data, looks(found, "RGB", used), near=3)
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        stream = io.BytesIO()
        image = Image.fromarray(noise)
        (image.quantize(16) if mode == "P" else image.convert(mode)).save(stream, "BMP")
        found = by_opencv(stream.getvalue())
        yield Cell(f"BMP · {mode}", stream.getvalue(), found)
    stream = io.BytesIO()
    Image.fromarray(smooth).quantize(64).save(stream, "GIF")
    found = np.asarray(imagecodecs.gif_decode(stream.getvalue()))
    yield Cell("GIF", stream.getvalue(), found.reshape(-1, *found.shape[-3:])[0])
