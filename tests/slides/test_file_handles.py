"""One handle per thread, and each unreadable place once."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from marrowscope.slides.file_handles import CorruptTiles, PerThreadHandle
from marrowscope.slides.slide import CorruptTile


def test_a_thread_opens_once_and_another_thread_opens_its_own() -> None:
    handle = PerThreadHandle(object)
    mine = handle.get()
    assert handle.get() is mine
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(handle.get).result() is not mine
    handle.drop()
    assert handle.get() is not mine


def test_what_is_pickled_is_how_to_open() -> None:
    handle = PerThreadHandle(partial(list, "ab"))
    handle.get().append("c")
    assert pickle.loads(pickle.dumps(handle)).get() == ["a", "b"]


def test_places_come_in_order_each_with_its_first_reason() -> None:
    corrupt = CorruptTiles()
    corrupt.add(CorruptTile(0, 512, 0, 256, 256, "cut off"))
    corrupt.add(CorruptTile(0, 0, 256, 256, 256, "damaged"))
    corrupt.add(CorruptTile(0, 512, 0, 256, 256, "another word for it"))
    found = pickle.loads(pickle.dumps(corrupt)).listed()
    assert [(tile.y, tile.x, tile.reason) for tile in found] == [
        (0, 256, "damaged"),
        (512, 0, "cut off"),
    ]
    assert corrupt.has(0, 256, 0)
    assert not corrupt.has(1, 256, 0)
