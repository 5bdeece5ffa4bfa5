"""Units are dealt out to parts, class by class and laboratory by laboratory."""

import hashlib
from collections import Counter

from marrowscope.dataset.stratification import Members, Stratum, deal_groups, deal_images


def images(laboratory: str, label: str, count: int) -> Members:
    return {f"{laboratory}{label}{n}": {Stratum(label, laboratory): 1} for n in range(count)}


def test_one_class_is_cut_in_the_order_of_the_hash() -> None:
    place = deal_images(images("", "LYT", 5), (0.6, 0.4), 3)
    ranked = sorted(place, key=lambda unit: hashlib.sha256(f"3 {unit}".encode()).digest()[:8])
    assert [place[unit] for unit in ranked] == [0, 0, 0, 1, 1]


def test_heaps_of_one_image_together_have_the_share_of_their_class() -> None:
    members = {}
    for laboratory in "ABCDE":
        members |= images(laboratory, "LYT", 1)
    assert Counter(deal_images(members, (0.8, 0.2), 0).values()) == {0: 4, 1: 1}
    assert Counter(deal_images(members, (0.2,) * 5, 0).values()) == dict.fromkeys(range(5), 1)


def test_both_parts_get_one_of_two_images() -> None:
    for shares in ((0.95, 0.05), (0.05, 0.95)):
        place = deal_images(images("A", "LYT", 1) | images("B", "LYT", 1), shares, 0)
        assert sorted(place.values()) == [0, 1]


def test_groups_go_where_their_class_of_their_laboratory_lacks_most() -> None:
    members: Members = {
        f"{laboratory}{n}": {Stratum("LYT", laboratory): 10}
        for laboratory in "AB"
        for n in range(4)
    }
    place = deal_groups(members, (0.5, 0.5), 1)
    for laboratory in "AB":
        assert sorted(place[f"{laboratory}{n}"] for n in range(4)) == [0, 0, 1, 1]
