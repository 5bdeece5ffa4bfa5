"""What ImageJ and OME write about planes, channels and bits."""

import pytest

from marrowscope.io.tiff_description import PlaneFacts, plane_facts

OME = (
    '<?xml version="1.0"?><OME xmlns="x"><Image ID="Image:0"><Pixels DimensionOrder="XYCZT" '
    'Type="uint16" SizeX="9" SizeY="8" SizeC="3" SizeZ="{z}" SizeT="1" SignificantBits="12">'
    "{channels}<TiffData/></Pixels></Image></OME>"
)


def test_other_texts_say_nothing() -> None:
    assert plane_facts("") == PlaneFacts()
    assert plane_facts('{"shape": [3, 250, 250]}') == PlaneFacts()
    assert plane_facts("<OME>") == PlaneFacts()


def test_imagej_says_planes_channels_and_the_range_it_shows() -> None:
    text = "ImageJ=1.54f\nimages=3\nchannels=3\nmode=composite\nmin=0.0\nmax=4095.0"
    assert plane_facts(text) == PlaneFacts(3, 3, 1, (), 12)
    assert plane_facts("ImageJ=1.54f\nimages=15\nslices=5\nframes=3") == PlaneFacts(15, None, 5)
    assert plane_facts("ImageJ=1\nimages=what\nmax=nan").planes == 1


@pytest.mark.parametrize("labels", [("Red", "Green", "Blue"), ("Blue", "Red", "Green")])
def test_planes_that_imagej_labels_with_colours_are_channels(labels: tuple[str, ...]) -> None:
    facts = plane_facts("ImageJ=1.54f\nimages=3\nslices=3", labels)
    assert facts.depth == 1
    assert [labels[place] for place in facts.rgb_order or ()] == ["Red", "Green", "Blue"]


def test_ome_says_planes_bits_and_colours() -> None:
    channels = "".join(
        f'<Channel ID="Channel:0:{n}" SamplesPerPixel="1" Color="{colour}"/>'
        for n, colour in enumerate((0x0000FFFF, 0x00FF00FF, -16776961))  # blue, green, red
    )
    facts = plane_facts(OME.format(z=1, channels=channels))
    assert (facts.planes, facts.channels, facts.depth, facts.bits) == (3, 3, 1, 12)
    assert facts.rgb_order == (2, 1, 0)
    assert plane_facts(OME.format(z=4, channels=channels)).depth == 4


def test_samples_of_one_pixel_are_no_planes() -> None:
    facts = plane_facts(OME.format(z=1, channels='<Channel ID="0" SamplesPerPixel="3"/>'))
    assert (facts.planes, facts.rgb_order) == (1, None)


def test_dyes_of_fluorescence_are_known_by_name() -> None:
    channels = '<Channel Name="DAPI"/><Channel Name="FITC"/><Channel Name="x"/>'
    assert plane_facts(OME.format(z=1, channels=channels)).fluorescent
    assert not plane_facts(OME.format(z=1, channels='<Channel Name="Channel 1"/>')).fluorescent
