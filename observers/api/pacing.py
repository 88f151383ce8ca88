"""How fast requests go out, and what happens when one fails: one policy for all providers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .failures import TemporaryFailure
from .reply import Reply


class Stopped(Exception):
    """The run ends: nothing more is asked."""


class RateLimit:
    """At most so much a minute, evenly spread.

    Parameters
    ----------
    per_minute : float or None
        None for no limit.
    clock : callable
        Seconds, rising.
    """

    def __init__(self, per_minute: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds_each = 60 / per_minute if per_minute else 0.0
        self._clock = clock
        self._free_at = clock()
        self._lock = threading.Lock()

    def reserve(self, amount: float = 1) -> float:
        """Take an amount and return the seconds to wait before using it."""
        with self._lock:
            now = self._clock()
            begin = max(now, self._free_at)
            self._free_at = begin + amount * self._seconds_each
            return begin - now


class Concurrency:
    """How many requests are under way at once: more while all goes well, half when the server asks for fewer.

    Slow start, then additive increase and multiplicative decrease, as in TCP (Chiu & Jain 1989; Jacobson 1988).

    Parameters
    ----------
    most : int
        Never more than so many.
    clock : callable
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._limit = float(min(4, most))
        self._busy = 0
        self._clock = clock
        self._halved_at: float | None = None
        self._changed = threading.Condition()

    @property
    def limit(self) -> int:
        """How many may be under way now."""
        return int(self._limit)

    @property
    def slowed(self) -> bool:
        """Whether the server has asked for fewer, and all are not allowed again yet."""
        return self._halved_at is not None and self.limit < self._most

    @contextmanager
    def slot(self, stop: threading.Event) -> Iterator[None]:
        """Wait for a place and hold it.

        Raises
        ------
        Stopped
            If `stop` was set before a place was free.
        """
        with self._changed:
            while self._busy >= self.limit:
                if stop.is_set():
                    raise Stopped
                self._changed.wait(0.5)
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify()

    def succeeded(self) -> None:
        """Allow a little more."""
        with self._changed:
            more = 1.0 if self._halved_at is None else 1 / self._limit
            before, self._limit = self.limit, min(float(self._most), self._limit + more)
            if self.limit > before:
                self._changed.notify()

    def throttled(self) -> None:
        """Allow half, once for the many requests that meet the same refusal."""
        with self._changed:
            now = self._clock()
            if self._halved_at is None or now - self._halved_at >= 1:
                self._limit, self._halved_at = max(1.0, self._limit / 2), now


MOST_PAID_TRIES = 2
"""A reply that arrived and broke off is paid for: it is asked once more, not as often as what costs nothing."""


@dataclass(frozen=True)
class RetryPolicy:
    """When a failed request is sent again.

    Attributes
    ----------
    tries : int
        Requests at most, the first included.
    first_wait_s : float
        Doubled with every further try, and drawn at random below that, so that many do not come back at once.
    longest_wait_s : float
        Cap of every wait, also of one that the server asks for.
    """

    tries: int = 8
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0

    def send(
        self, request: Callable[[], Reply], stop: threading.Event, on_failure: Callable[[TemporaryFailure], None]
    ) -> Reply:
        """Send a request until it is answered.

        Raises
        ------
        TemporaryFailure
            The last one, when no try is left.
        Stopped
            If `stop` was set while waiting.
        """
        from tenacity import (
            RetryCallState,
            Retrying,
            retry_if_exception_type,
            wait_random_exponential,
        )

        jittered = wait_random_exponential(multiplier=self.first_wait_s, max=self.longest_wait_s)

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.retry_after_s if isinstance(error, TemporaryFailure) else None
            # A little later than the server asks for, so that not all come back at the same moment.
            return min(self.longest_wait_s, asked + jittered(state) / 4) if asked is not None else jittered(state)

        paid = 0

        def enough(state: RetryCallState) -> bool:
            nonlocal paid
            error = state.outcome.exception() if state.outcome else None
            paid += isinstance(error, TemporaryFailure) and error.usage is not None
            return state.attempt_number >= self.tries or paid >= MOST_PAID_TRIES

        def pause(seconds: float) -> None:
            if stop.wait(seconds):
                raise Stopped

        def attempt() -> Reply:
            if stop.is_set():
                raise Stopped
            try:
                return request()
            except TemporaryFailure as error:
                on_failure(error)
                raise

        return Retrying(
            retry=retry_if_exception_type(TemporaryFailure),
            stop=enough,
            wait=wait,
            sleep=pause,
            reraise=True,
        )(attempt)
