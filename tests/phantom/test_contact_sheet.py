"""The contact sheet of the phantom classes."""

from marrowscope.morphology import CODES
from marrowscope.phantom.contact_sheet import contact_sheet


def test_the_contact_sheet_says_synthetic_and_shows_every_class() -> None:
    figure = contact_sheet(per_class=1)
    assert "Synthetic" in figure.get_suptitle()
    titles = [axes.get_title("left").split()[-1] for axes in figure.axes]
    assert sorted(titles) == sorted(CODES)
