"""Pictures of a few cells of each class: the most and the least certain, kept while counting."""

import heapq

import numpy as np
from numpy.typing import NDArray

from marrowscope.io.image_encoding import encode_jpeg

PER_CLASS = 12  # most certain and as many least certain ones of each class

_Entry = tuple[float, int, str, bytes]  # rank, turn, cell, picture; the least rank leaves first


class Thumbnails:
    """Keeps the pictures of at most ``2 * EACH`` cells of each class, whatever passes by."""

    def __init__(self, each: int = PER_CLASS) -> None:
        self._each = each
        self._heaps: dict[tuple[str, int], list[_Entry]] = {}
        self._turn = 0

    def offer(self, code: str, confidence: float, cell: str, crop: NDArray[np.uint8]) -> None:
        """Show a cell; of equally certain ones the first shown stays.

        Args:
            code: its class.
            confidence: of the answer.
            cell: its id.
            crop: (250, 250, 3) uint8 RGB.
        """
        self._turn -= 1
        picture: bytes | None = None
        for sign in (1, -1):
            heap = self._heaps.setdefault((code, sign), [])
            rank = sign * confidence
            if len(heap) == self._each and (rank, self._turn) <= heap[0][:2]:
                continue
            picture = encode_jpeg(crop) if picture is None else picture
            entry = (rank, self._turn, cell, picture)
            (heapq.heappush if len(heap) < self._each else heapq.heapreplace)(heap, entry)

    def wanted(self, code: str, confidence: float) -> bool:
        """Whether such a cell would be kept, so that its crop is worth cutting."""
        heaps = (self._heaps.get((code, sign), []) for sign in (1, -1))
        return any(
            len(heap) < self._each or sign * confidence > heap[0][0]
            for sign, heap in zip((1, -1), heaps, strict=True)
        )

    def kept(self) -> dict[str, bytes]:
        """JPEG by cell id, in the order in which they were shown."""
        entries = {
            (-turn, cell): jpeg for heap in self._heaps.values() for _, turn, cell, jpeg in heap
        }
        return {cell: entries[turn, cell] for turn, cell in sorted(entries)}
