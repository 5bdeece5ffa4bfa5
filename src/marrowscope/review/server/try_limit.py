"""A limit to how often a wrong password may be tried."""

import time
from collections import deque
from threading import Lock

from marrowscope.review.refusals import RefusalError

_TRIES, _WITHIN = 10, 300.0  # seconds
_MOST_NAMES = 10_000


class TooManyTriesError(RefusalError):
    """Too many wrong passwords in a short time."""

    status, code = 429, "too-many-tries"


class TryLimit:
    """Counts wrong passwords by name and by address."""

    def __init__(self, tries: int = _TRIES, within: float = _WITHIN) -> None:
        """Allow so many within so many seconds."""
        self._tries, self._within = tries, within
        self._failed: dict[str, deque[float]] = {}
        self._lock = Lock()

    def require(self, *keys: str) -> None:
        """Refuse to try again when one of the keys failed too often.

        Raises:
            TooManyTriesError: wait; ``retry_after`` says how many seconds.
        """
        at = time.monotonic()
        with self._lock:
            for key in keys:
                failed = self._failed.get(key)
                while failed and failed[0] < at - self._within:
                    failed.popleft()
                if failed and len(failed) >= self._tries:
                    wait = int(failed[0] + self._within - at) + 1
                    raise TooManyTriesError(
                        f"too many wrong passwords; try again in {wait} s", retry_after=wait
                    )

    def failed(self, *keys: str) -> None:
        """Note a wrong password."""
        with self._lock:
            if len(self._failed) > _MOST_NAMES:
                self._failed.clear()
            for key in keys:
                self._failed.setdefault(key, deque(maxlen=self._tries)).append(time.monotonic())
