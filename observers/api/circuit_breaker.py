"""Ends a run in which no trial succeeds any more."""

from __future__ import annotations

import threading

from visavis.experiments import ObserverError

MOST_FAILURES = 5
"""So many trials lost one after the other, each after all its tries, end the run."""


class CircuitBreaker:
    """Counts trials lost in a row, from several threads.

    Parameters
    ----------
    most : int
        So many end the run.
    has_succeeded : bool
        Whether the session holds answers already.

    Attributes
    ----------
    has_succeeded : bool
        Whether any request of the session was ever answered.
    """

    def __init__(self, most: int = MOST_FAILURES, *, has_succeeded: bool = False) -> None:
        self.has_succeeded = has_succeeded
        self._most = most
        self._failures = 0
        self._lock = threading.Lock()

    def succeeded(self) -> None:
        """Begin to count anew."""
        with self._lock:
            self._failures = 0
            self.has_succeeded = True

    def failed(self, error: Exception) -> None:
        """Count a lost trial.

        Raises
        ------
        ObserverError
            If it was one too many.
        """
        with self._lock:
            self._failures += 1
            if self._failures >= self._most:
                raise ObserverError(
                    f"{self._failures} trials in a row could not be asked; the last: {error}. Every answer before "
                    "them is saved"
                )
