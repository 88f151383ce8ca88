"""Random numbers that are the same on every machine and for every version of numpy.

numpy promises that the raw output of its bit generators never changes, and promises nothing for what `Generator`
makes of it. So permutations and coins are made here from the raw output, and nothing touches `numpy.random`'s
global state.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np
from numpy.typing import NDArray


class RandomStream:
    """A stream of random numbers named by labels; other labels give an independent stream.

    Parameters
    ----------
    *labels : int or str
        Name the stream, such as the seed, the observer and what the numbers are for.
    """

    def __init__(self, *labels: int | str) -> None:
        digest = hashlib.sha256(json.dumps(labels, ensure_ascii=True).encode()).digest()
        self._bits = np.random.PCG64(np.random.SeedSequence(int.from_bytes(digest, "big")))

    def raw(self, n: int) -> NDArray[np.uint64]:
        """Return `n` uniform 64-bit integers."""
        return self._bits.random_raw(n)

    def permutation(self, n: int) -> NDArray[np.intp]:
        """Return a random order of 0 … n-1."""
        return np.argsort(self.raw(n), kind="stable")

    def coins(self, n: int) -> NDArray[np.int8]:
        """Return `n` fair coins, 0 or 1."""
        return (self.raw(n) >> np.uint64(63)).astype(np.int8)

    def below(self, n: int) -> int:
        """Return one integer from 0 to n-1."""
        return int(self.raw(1)[0] % np.uint64(n))

    def uniforms(self, n: int) -> NDArray[np.float64]:
        """Return `n` numbers uniform in [0, 1), with 53 random bits each."""
        return (self.raw(n) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def hashed_uniforms(*labels: int | str) -> tuple[float, float, float, float]:
    """Return four numbers uniform in [0, 1) that depend on the labels alone.

    For random numbers that belong to one thing, such as a trial, and must not depend on what was drawn before it.
    """
    digest = hashlib.sha256(json.dumps(labels, ensure_ascii=True).encode()).digest()
    a, b, c, d = (int.from_bytes(digest[i : i + 8], "big") >> 11 for i in range(0, 32, 8))
    return a * 2.0**-53, b * 2.0**-53, c * 2.0**-53, d * 2.0**-53
