"""Decoding: every odd image has one documented outcome."""

import io
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pillow_heif
import pytest
import tifffile
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFile, features

from marrowscope.io import file_signatures, image_decoding, image_encoding, image_inspection
from marrowscope.io.image_file import ImageError
from marrowscope.io.pillow_decoding import open_image, pixels_and_notes
from support.image_files import png_bomb


def picture(height: int = 40, width: int = 60) -> np.ndarray:
    """A smooth RGB image whose left and right, top and bottom all differ."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, 128 + 0 * x], axis=2).astype(np.uint8)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_come_back_exactly(kind: str) -> None:
    data = encoded(Image.fromarray(picture()), kind)
    np.testing.assert_array_equal(image_decoding.decode(data), picture())
    assert image_inspection.inspect(data).note is None


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_formats_come_back_nearly(kind: str) -> None:
    data = encoded(Image.fromarray(picture()), kind, quality=95)
    assert np.abs(image_decoding.decode(data).astype(int) - picture()).mean() < 3
    assert image_inspection.inspect(data).format == kind


def test_channel_order_is_rgb() -> None:
    red = np.zeros((20, 20, 3), np.uint8) + np.array([250, 10, 20], np.uint8)
    for kind in ("JPEG", "PNG", "BMP", "TIFF", "WEBP"):
        pixel = image_decoding.decode(encoded(Image.fromarray(red), kind))[10, 10]
        assert pixel[0] > 200, kind
        assert pixel[2] < 60, kind


def test_our_own_encoders_round_trip() -> None:
    np.testing.assert_array_equal(
        image_decoding.decode(image_encoding.encode_png(picture())), picture()
    )
    assert (
        np.abs(
            image_decoding.decode(image_encoding.encode_jpeg(picture())).astype(int) - picture()
        ).mean()
        < 3
    )


def test_greyscale_is_repeated() -> None:
    for kind in ("PNG", "JPEG"):
        data = encoded(Image.fromarray(picture()[..., 0]), kind)
        found = image_decoding.decode(data)
        assert found.shape == (40, 60, 3)
        assert (found[..., 0] == found[..., 2]).all()
        assert image_inspection.inspect(data).note == "greyscale to RGB"


def test_transparency_is_laid_on_white() -> None:
    rgba = np.dstack([picture(), np.zeros((40, 60), np.uint8)])
    rgba[:, 30:, 3] = 255
    data = encoded(Image.fromarray(rgba), "PNG")
    found = image_decoding.decode(data)
    assert (found[:, :30] == 255).all()
    np.testing.assert_array_equal(found[:, 30:], picture()[:, 30:])
    assert image_inspection.inspect(data).note == "transparency laid on white"


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize(
    ("alpha", "note"),
    [(0, "alpha channel ignored (0 everywhere)"), (255, "opaque alpha channel dropped")],
)
def test_an_alpha_channel_that_says_nothing_is_left_out(kind: str, alpha: int, note: str) -> None:
    rgba = np.dstack([picture(), np.full((40, 60), alpha, np.uint8)])
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    data = encoded(Image.fromarray(rgba), kind, **options)
    if kind == "WEBP" and alpha == 255:
        note = None  # it is not even written
    np.testing.assert_array_equal(image_decoding.decode(data), picture())
    assert image_inspection.inspect(data).note == note


@pytest.mark.parametrize(("meaning", "shown"), [(1, 178), (2, 155)])
def test_colours_multiplied_by_their_alpha_already_are_not_multiplied_again(
    meaning: int, shown: int
) -> None:
    stream = io.BytesIO()
    half = np.array([[[50, 50, 50, 127], [9, 9, 9, 255]]], np.uint8)
    tifffile.imwrite(stream, half, photometric="rgb", extrasamples=[meaning])
    found = image_decoding.decode(stream.getvalue())[0, :, 0].tolist()
    assert found == pytest.approx([shown if meaning == 1 else 50 * 127 / 255 + 128, 9], abs=1)


def profile(name: str) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()


def wide_gamut() -> bytes:
    """The profile of sRGB with red and green exchanged: whoever applies it exchanges them back."""
    data = bytearray(profile("sRGB"))
    places = {}
    for entry in range(132, 132 + 12 * int.from_bytes(data[128:132], "big"), 12):
        places[bytes(data[entry : entry + 4])] = entry + 4
    red, green = places[b"rXYZ"], places[b"gXYZ"]
    data[red : red + 8], data[green : green + 8] = data[green : green + 8], data[red : red + 8]
    return bytes(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_a_colour_profile_is_applied(kind: str) -> None:
    swapped = Image.fromarray(np.ascontiguousarray(picture()[..., [1, 0, 2]]))
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}
    data = encoded(swapped, kind, icc_profile=wide_gamut(), **options.get(kind, {}))
    found = image_decoding.decode(data).astype(int)
    assert np.abs(found - picture()).mean() < 2
    assert str(image_inspection.inspect(data).note).startswith("colour profile applied (sRGB")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_the_profile_of_srgb_changes_nothing(kind: str) -> None:
    plain = encoded(Image.fromarray(picture()), kind)
    data = encoded(Image.fromarray(picture()), kind, icc_profile=profile("sRGB"))
    np.testing.assert_array_equal(image_decoding.decode(data), image_decoding.decode(plain))
    assert image_inspection.inspect(data).note is None


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (b"no profile at all", "damaged colour profile ignored"),
        (profile("LAB"), "colour profile ignored (Lab identity built-in is for Lab)"),
    ],
)
def test_a_profile_that_does_not_fit_is_ignored_with_a_word(content: bytes, note: str) -> None:
    for kind in ("JPEG", "PNG", "TIFF"):
        data = encoded(Image.fromarray(picture()), kind, icc_profile=content)
        assert image_inspection.inspect(data).note == note
        assert np.abs(image_decoding.decode(data).astype(int) - picture()).mean() < 3


@pytest.mark.parametrize(
    ("kind", "options"),
    [("GIF", {}), ("JPEG2000", {}), ("JPEG2000", {"no_jp2": True}), ("AVIF", {"quality": 100})],
)
def test_rarer_formats_are_read(kind: str, options: dict[str, object]) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow does not know AVIF")
    data = encoded(Image.fromarray(picture()), kind, **options)
    assert np.abs(image_decoding.decode(data).astype(int) - picture()).mean() < 5
    assert image_inspection.inspect(data).format == kind


def test_an_animation_is_refused() -> None:
    pages = [Image.fromarray(picture()), Image.fromarray(255 - picture())]
    for kind in ("GIF", "WEBP", "PNG"):
        data = encoded(pages[0], kind, save_all=True, append_images=pages[1:])
        with pytest.raises(ImageError, match="an animation of 2 pictures"):
            image_decoding.decode(data)


def test_white_of_a_deep_jpeg_2000_stays_white() -> None:
    """Pillow 13 rounds it up to 256, which is 0."""
    deep = np.full((8, 8, 3), 4095, np.uint16)
    data = bytes(imagecodecs.jpeg2k_encode(deep, level=0, bitspersample=12))
    assert (image_decoding.decode(data) == 255).all()
    assert image_inspection.inspect(data).note == "12-bit to 8-bit"


def test_cmyk_is_converted() -> None:
    cyan = Image.new("CMYK", (20, 20), (255, 0, 0, 0))
    data = encoded(cyan, "TIFF")
    np.testing.assert_array_equal(image_decoding.decode(data)[5, 5], [0, 255, 255])
    assert image_inspection.inspect(data).note == "CMYK to RGB"
    assert "CMYK" in str(image_inspection.inspect(encoded(cyan, "JPEG")).note)


def test_sixteen_bit_grey_keeps_its_full_range() -> None:
    values = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    data = encoded(Image.fromarray(values), "PNG")
    np.testing.assert_array_equal(image_decoding.decode(data)[0, :, 0], [0, 1, 128, 255])
    assert "16-bit" in str(image_inspection.inspect(data).note)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bit_colour_keeps_its_high_byte(suffix: str) -> None:
    low = np.random.default_rng(0).integers(0, 256, picture().shape, dtype=np.uint16)
    deep = picture().astype(np.uint16) * 256 + low
    _, data = cv2.imencode(suffix, deep[..., ::-1])
    np.testing.assert_array_equal(image_decoding.decode(bytes(data)), picture())
    assert "16-bit" in str(image_inspection.inspect(bytes(data)).note)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_exif_orientation_is_applied(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a clockwise quarter turn
    data = encoded(Image.fromarray(picture()), kind, exif=exif)
    found = image_decoding.decode(data)
    assert found.shape == (60, 40, 3)
    expected = np.rot90(picture(), -1)
    assert np.abs(found.astype(int) - expected).mean() < 3
    facts = image_inspection.inspect(data)
    assert (facts.width, facts.height) == (40, 60)
    assert facts.note == "EXIF orientation 6 applied"


def pages_of_tiff(*pages: np.ndarray) -> bytes:
    first, *others = (Image.fromarray(page) for page in pages)
    return encoded(first, "TIFF", save_all=True, append_images=others)


@pytest.mark.parametrize("thumbnail_first", [True, False])
def test_beside_a_thumbnail_the_full_size_page_is_the_picture(thumbnail_first: bool) -> None:
    pages = [picture(20, 30), picture()]
    data = pages_of_tiff(*(pages if thumbnail_first else pages[::-1]))
    np.testing.assert_array_equal(image_decoding.decode(data), picture())
    facts = image_inspection.inspect(data)
    assert facts == image_inspection.ImageFacts(
        60, 40, "TIFF", "full-size page taken, 1 smaller left"
    )


def test_three_equal_grey_pages_are_one_picture() -> None:
    data = pages_of_tiff(*(picture()[..., channel] for channel in range(3)))
    np.testing.assert_array_equal(image_decoding.decode(data), picture())
    note = "three grey planes composed to red, green and blue"
    assert image_inspection.inspect(data).note == note


@pytest.mark.parametrize(
    ("pages", "reason"),
    [
        ([picture(), 255 - picture()], "a stack of 2 planes of 60×40 px"),
        ([picture()] * 3, "a stack of 3 planes"),
        ([picture()[..., 0]] * 2, "a stack of 2 planes"),
        ([picture()[..., 0]] * 4, "a stack of 4 planes"),
        ([picture(), picture(38, 60)], "2 pages, among them 60×40 px and 60×38 px"),
    ],
)
def test_any_other_stack_is_refused(pages: list[np.ndarray], reason: str) -> None:
    data = pages_of_tiff(*pages)
    for read in (image_inspection.inspect, image_decoding.decode):
        with pytest.raises(ImageError, match=reason):
            read(data)


def imagej(shape_axes: str, shape: tuple[int, ...], **options: object) -> bytes:
    stream = io.BytesIO()
    values = np.resize(picture(), shape).astype(np.uint8)
    tifffile.imwrite(stream, values, imagej=True, metadata={"axes": shape_axes}, **options)
    return stream.getvalue()


def test_three_planes_that_imagej_calls_focal_planes_or_times_are_refused() -> None:
    assert image_decoding.decode(imagej("CYX", (3, 40, 60))).shape == (40, 60, 3)
    for axes in ("ZYX", "TYX"):
        with pytest.raises(ImageError, match="a stack of 3 planes"):
            image_decoding.decode(imagej(axes, (3, 40, 60)))


def test_an_rgb_stack_of_imagej_is_known_by_its_labels() -> None:
    stream = io.BytesIO()
    tifffile.imwrite(
        stream, np.moveaxis(picture(), 2, 0)[[2, 0, 1]], imagej=True,
        metadata={"axes": "ZYX", "Labels": ["Blue", "Red", "Green"]},
    )  # fmt: skip
    np.testing.assert_array_equal(image_decoding.decode(stream.getvalue()), picture())


def test_planes_that_imagej_writes_without_directories_are_seen() -> None:
    planes = np.moveaxis(picture(), 2, 0)
    one = io.BytesIO()
    tifffile.imwrite(one, planes[0], metadata=None, description="ImageJ=1.54\nimages=3\nchannels=3")
    data = one.getvalue() + planes[1].tobytes() + planes[2].tobytes()
    np.testing.assert_array_equal(image_decoding.decode(data), picture())
    with pytest.raises(ImageError, match="a stack of 3 planes"):
        image_decoding.decode(one.getvalue())  # its other planes are not there


@pytest.mark.parametrize(
    ("axes", "names", "order"),
    [("CYX", None, [0, 1, 2]), ("CYX", ["Blue", "Green", "Red"], [2, 1, 0])],
)
def test_channels_of_ome_are_one_picture(
    axes: str, names: list[str] | None, order: list[int]
) -> None:
    stream = io.BytesIO()
    facts = {"axes": axes} | ({"Channel": {"Name": names}} if names else {})
    tifffile.imwrite(stream, np.moveaxis(picture(), 2, 0), ome=True, metadata=facts)
    found = image_decoding.decode(stream.getvalue())
    np.testing.assert_array_equal(found, picture()[..., order])


def test_focal_planes_and_fluorescence_of_ome_are_refused() -> None:
    for facts, reason in (
        ({"axes": "ZYX"}, "a stack of 3 planes"),
        ({"axes": "CYX", "Channel": {"Name": ["DAPI", "FITC", "Cy5"]}}, "fluorescence .dapi"),
    ):
        stream = io.BytesIO()
        tifffile.imwrite(stream, np.moveaxis(picture(), 2, 0), ome=True, metadata=facts)
        with pytest.raises(ImageError, match=reason):
            image_decoding.decode(stream.getvalue())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "WEBP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_refused_when_inspected_and_when_decoded(
    kind: str, share: float
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    cut = data[: int(len(data) * share)]
    with pytest.raises(ImageError):
        image_inspection.inspect(cut)
    with pytest.raises(ImageError):
        image_decoding.decode(cut)


def test_a_png_bomb_is_refused_by_its_header() -> None:
    data = png_bomb()
    assert len(data) < 10_000
    for read in (image_inspection.inspect, image_decoding.decode):
        with pytest.raises(ImageError, match="megapixels"):
            read(data)


@pytest.mark.parametrize("side", [9_000, 12_000, 20_000])
def test_sizes_around_pillows_own_limits_are_refused(side: int) -> None:
    with pytest.raises(ImageError, match="megapixels"):
        image_inspection.inspect(png_bomb(side, side))


NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)


def damaged(kind: str, **options: object) -> bytes:
    """A file of the right length in which 512 bytes of pixels were never written."""
    data = encoded(Image.fromarray(NOISE), kind, **options)
    middle = len(data) // 2
    return data[:middle] + bytes(512) + data[middle + 512 :]


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_with_wrong_bytes_in_its_stream_is_refused_on_inspection(progressive: bool) -> None:
    whole = encoded(Image.fromarray(NOISE), "JPEG", progressive=progressive)
    assert image_inspection.inspect(whole).format == "JPEG"
    with pytest.raises(ImageError, match=r"damaged JPEG \("):
        image_inspection.inspect(damaged("JPEG", progressive=progressive))


def test_damaged_jpegs_are_told_from_whole_ones_by_many_threads_at_once() -> None:
    whole, bad = encoded(Image.fromarray(NOISE), "JPEG"), damaged("JPEG")

    def refused(number: int) -> bool:
        try:
            image_inspection.inspect(whole if number % 7 else bad)
        except ImageError:
            return True
        return False

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(refused, range(700)))
    assert found == [number % 7 == 0 for number in range(700)]


def test_a_png_with_wrong_bytes_in_its_stream_is_refused() -> None:
    for read in (image_inspection.inspect, image_decoding.decode):
        with pytest.raises(ImageError, match="damaged"):
            read(damaged("PNG"))


def test_nothing_is_printed_about_damaged_files(tmp_path: Path) -> None:
    bad = {"bomb.png": png_bomb(12_000, 12_000), "damaged.jpg": damaged("JPEG")}
    bad["damaged.lzw.tif"] = damaged("TIFF", compression="tiff_lzw")
    for kind in ("JPEG", "TIFF"):
        data = encoded(Image.fromarray(NOISE), kind)
        bad[f"cut.{kind}"] = data[: len(data) // 2]
    for name, data in bad.items():
        (tmp_path / name).write_bytes(data)
    program = (
        "import sys, pathlib\nfrom marrowscope.errors import InputError\n"
        "from marrowscope.io import image_decoding, image_inspection\n"
        "for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):\n"
        "    for read in (image_inspection.inspect, image_decoding.decode):\n"
        "        try:\n            read(path.read_bytes())\n"
        "        except InputError:\n            print('refused')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["refused"] * 9  # decode shows what is left of the damaged JPEG
    assert done.stderr == ""


def test_jpeg_pixels_are_those_of_opencv() -> None:
    for options in ({}, {"progressive": True}, {"subsampling": 0}):
        data = encoded(Image.fromarray(NOISE), "JPEG", **options)
        reference = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
        np.testing.assert_array_equal(image_decoding.decode(data), reference)


@given(
    st.sampled_from(["plain", "progressive", "4:2:2", "RGB", "CMYK", "grey", "turned"]), st.data()
)
@settings(max_examples=150, deadline=None)
def test_jpegs_decode_as_with_pillow_whatever_is_wrong_with_them(kind: str, data: st.DataObject):
    """The fast decoder only takes what is whole; of all else Pillow's answer counts."""
    image, options = Image.fromarray(NOISE), {}
    if kind in ("CMYK", "grey"):
        image = image.convert({"CMYK": "CMYK", "grey": "L"}[kind])
    elif kind == "turned":
        exif = Image.Exif()
        exif[0x0112] = 6
        options = {"exif": exif}
    else:
        options = {
            "progressive": {"progressive": True},
            "4:2:2": {"subsampling": 1},
            "RGB": {"keep_rgb": True},
        }.get(kind, {})
    content = bytearray(encoded(image, "JPEG", **options))
    for _ in range(data.draw(st.integers(0, 2))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = bytes(content[: data.draw(st.sampled_from([len(content), len(content) // 2]))])

    def outcome(read: Callable[[], np.ndarray]) -> bytes | str:
        try:
            pixels = read()
        except ImageError as error:
            return str(error)
        return pixels.tobytes() + repr(pixels.shape).encode()

    pillow = outcome(lambda: pixels_and_notes(open_image(content, "image"), "image")[0])
    assert outcome(lambda: image_decoding.decode(content)) == pillow


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.ones((9, 9), np.int32), "32-bit signed whole numbers"),
        (np.full((9, 9), 2, np.float32), "32-bit floating point with values from 2 to 2"),
        (np.full((9, 9), np.nan, np.float32), "values that are no numbers"),
    ],
)
def test_numbers_of_which_nobody_knows_the_white_are_refused(
    values: np.ndarray, reason: str
) -> None:
    data = encoded(Image.fromarray(values), "TIFF")
    for read in (image_inspection.inspect, image_decoding.decode):
        with pytest.raises(ImageError, match=reason):
            read(data)


def test_floating_point_from_0_to_1_is_read() -> None:
    data = encoded(Image.fromarray(np.array([[0, 0.25, 1]], np.float32)), "TIFF")
    np.testing.assert_array_equal(image_decoding.decode(data)[0, :, 1], [0, 64, 255])
    note = image_inspection.inspect(data).note
    assert note == "32-bit floating point from 0 to 1 to 8-bit; greyscale to RGB"


def range_tag(tag: int, largest: int) -> dict[str, object]:
    return {"extratags": [(tag, 3, 3, (largest,) * 3)]}


def twelve_bit(values: list[int], **options: object) -> bytes:
    stream = io.BytesIO()
    pixels = np.repeat(np.array([values], np.uint16)[..., None], 3, axis=2)
    tifffile.imwrite(stream, pixels, photometric="rgb", **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("values", "options", "found", "note"),
    [
        ([0, 2048, 4000], {}, [0, 128, 250], "12-bit values in 16 bits to 8-bit (the largest is "),
        ([0, 512, 1000], {}, [0, 128, 250], "10-bit values in 16 bits to 8-bit"),
        ([0, 8192, 16000], {}, [0, 128, 250], "14-bit values in 16 bits to 8-bit"),
        ([0, 128, 250], {}, [0, 128, 250], "8-bit values in 16 bits to 8-bit"),
        ([0, 1024, 1500], {}, [0, 64, 93], "uncertain depth, read as 12-bit values in 16 bits"),
        ([0, 257, 20000], {}, [0, 1, 78], "16-bit to 8-bit"),
        # What the file says counts more than what it shows, unless its numbers are larger.
        ([0, 512, 1000], range_tag(341, 4095), [0, 32, 62], "as the file says"),
        ([0, 2048, 4000], range_tag(281, 1023), [0, 128, 250], "the largest is"),
        # The largest number of a picture is no range.
        ([0, 2048, 4000], range_tag(281, 4000), [0, 128, 250], "the largest is"),
        ([0, 512, 1000], {"ome": True, "metadata": {"axes": "YXS", "SignificantBits": 12}},
         [0, 32, 62], "12-bit values in 16 bits, as the file says, to 8-bit"),
        ([0, 512, 1000], {"imagej": True, "metadata": {"min": 0.0, "max": 4095.0}}, [0, 32, 62],
         "as the file says"),
        ([0, 512, 1000], {"imagej": True, "metadata": {"min": 0.0, "max": 900.0}}, [0, 128, 250],
         "the largest is"),
    ],
)  # fmt: skip
def test_cameras_of_fewer_than_16_bits_are_recognized(
    values: list[int], options: dict[str, object], found: list[int], note: str
) -> None:
    if options.get("imagej"):
        stream = io.BytesIO()
        tifffile.imwrite(stream, np.array([values], np.uint16), **options)
        data = stream.getvalue()
    else:
        data = twelve_bit(values, **options)
    assert image_decoding.decode(data)[0, :, 0].tolist() == found
    assert note in str(image_inspection.inspect(data).note)


def test_a_part_of_a_larger_picture_takes_the_depth_of_the_whole() -> None:
    data = twelve_bit([0, 512, 1000])
    assert image_decoding.decode(data, bits=16)[0, :, 0].tolist() == [0, 2, 3]
    assert image_decoding.decode(data, bits=12)[0, :, 0].tolist() == [0, 32, 62]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"hello, I am a text", "not a JPEG"),
        (b"ZISRAWFILE" + bytes(200), "Zeiss CZI"),
        (b"\0\0\0\x18ftypheic" + bytes(200), "damaged"),
        (bytes(128) + b"DICM" + b"\x08\x00\x60\x00CS\x02\x00CT" + bytes(50), "DICOM.*modality CT"),
        # The first 128 bytes of a DICOM are free, and may look like another format.
        (b"II*\0" + bytes(124) + b"DICM" + bytes(90), "a DICOM file, no picture of cells"),
        (bytes(128) + b"DICM" + b"\x08\x00\x60\x00CS\x02\x00SM" + bytes(50), "slide as DICOM"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\xff\xd8\xff", "not a JPEG|damaged"),
    ],
)
def test_what_is_no_image_is_said_so(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        image_decoding.decode(data)


def heic(pixels: np.ndarray, **options: object) -> bytes:
    stream = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(pixels)).save(stream, quality=100, **options)
    return stream.getvalue()


def test_a_heic_of_a_phone_is_read_upright() -> None:
    rows = np.linspace(40, 220, 32, dtype=np.uint8)
    pixels = np.stack(np.broadcast_arrays(rows[:, None], rows[:24], np.uint8(180)), axis=2)
    found = image_decoding.decode_noted(heic(pixels))
    assert found.format == "HEIC"
    assert found.pixels.shape == (32, 24, 3)
    assert np.abs(found.pixels.astype(int) - pixels).max() <= 6  # its colours are stored coarsely
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    turned = image_decoding.decode(heic(pixels, exif=exif.tobytes()))
    assert np.abs(turned.astype(int) - np.rot90(pixels, -1)).max() <= 6


def test_a_cut_off_heic_is_damaged_and_without_the_extra_it_is_said_what_to_type(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = heic(np.full((32, 32, 3), 200, np.uint8))
    with pytest.raises(ImageError, match="damaged") as caught:
        image_decoding.decode(data[: len(data) // 2])
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(file_signatures, "missing_modules", lambda extra: ("pillow_heif",))
    with pytest.raises(ImageError, match=r"a HEIC image.*pip install 'marrowscope\[heif\]'"):
        image_decoding.decode(data)


def test_a_file_can_be_inspected_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(image_encoding.encode_png(picture()))
    (tmp_path / "b.png").write_bytes(b"none")
    assert image_inspection.inspect(tmp_path / "a.png") == image_inspection.ImageFacts(
        60, 40, "PNG", None
    )
    with pytest.raises(ImageError, match=r"b\.png: not a JPEG"):
        image_inspection.inspect(tmp_path / "b.png")


@given(st.binary(min_size=0, max_size=400))
@settings(max_examples=150, deadline=None)
def test_random_bytes_never_raise_anything_else(data: bytes) -> None:
    for start in (b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"II*\x00", b"BM", b"RIFF"):
        for read in (image_inspection.inspect, image_decoding.decode):
            try:
                read(start + data)
            except ImageError as error:
                assert "\n" not in str(error)  # noqa: PT017  # every outcome is checked, raised or not


@given(st.integers(0, 10_000), st.integers(0, 255))
@example(2657, 2)  # the end mark of the JPEG becomes one that nobody knows
@example(26, 0)  # a tag of the TIFF has no values
@settings(max_examples=150, deadline=None)
def test_with_a_wrong_byte_what_passes_inspection_can_be_decoded(place: int, value: int) -> None:
    for kind in ("JPEG", "PNG", "TIFF", "BMP", "WEBP"):
        data = bytearray(encoded(Image.fromarray(picture()), kind))
        data[place % len(data)] = value
        passes = []
        for read in (image_inspection.inspect, image_decoding.decode):
            try:
                read(bytes(data))
                passes.append(True)
            except ImageError as error:
                assert error.reason  # noqa: PT017  # every outcome is checked, raised or not
                passes.append(False)
        assert passes != [True, False], kind


@pytest.mark.parametrize("encode", [image_encoding.encode_png, image_encoding.encode_jpeg])
def test_half_an_image_is_refused_whatever_other_libraries_ask_of_pillow(
    encode: Callable[[np.ndarray], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as WeasyPrint does
    data = encode(np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8))
    assert image_decoding.decode(data).shape == (200, 200, 3)
    with pytest.raises(ImageError, match="damaged"):
        image_decoding.decode(data[: len(data) // 2])
    assert ImageFile.LOAD_TRUNCATED_IMAGES  # what the program asked for holds for itself


def test_numbers_of_no_bits_at_all_are_refused() -> None:
    file = io.BytesIO()
    planes = np.zeros((3, 40, 40), np.uint16)
    tifffile.imwrite(file, planes, photometric="rgb", planarconfig="separate")
    data = bytearray(file.getvalue())
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        place = tiff.pages[0].tags["BitsPerSample"].valueoffset
    data[place : place + 6] = bytes(6)
    with pytest.raises(ImageError, match="0-bit whole values; save it with 8 or 16 bits"):
        image_decoding.decode(bytes(data))
