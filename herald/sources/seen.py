"""What a source has given already: a bounded memory of keys, the oldest forgotten first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

_KEY_HEX_DIGITS = 16


def key_of(*parts: str) -> str:
    """Return a short key of the parts that make an entry what it is."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:_KEY_HEX_DIGITS]


class SeenKeys:
    """Keys in the order in which they were last met; holds at most ``limit``."""

    def __init__(self, limit: int, keys: Iterable[str] = ()) -> None:
        self._limit = limit
        self._keys = dict.fromkeys(keys)

    def __len__(self) -> int:
        """Return how many keys are held."""
        return len(self._keys)

    def is_new(self, key: str) -> bool:
        """Note that a key was met, and tell whether it was the first time. What is met again is kept longest."""
        known = key in self._keys
        self._keys.pop(key, None)
        self._keys[key] = None
        while len(self._keys) > self._limit:
            del self._keys[next(iter(self._keys))]
        return not known

    def as_list(self) -> list[str]:
        """Return the keys, oldest first."""
        return list(self._keys)
