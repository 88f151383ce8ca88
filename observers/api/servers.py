"""One server, or several of the same model: the least busy is asked, one that fails is left alone for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from .client import Client, Settings
from .reply import TemporaryFailure

AWAY_S = 15.0
"""A server that could not be reached gets no request for so long, where there is another."""


@dataclass
class Server:
    """A server and what it has to do.

    Attributes
    ----------
    url : str or None
        None for the provider's own.
    client : Client
    busy : int
        Requests under way.
    away_until : float
        Monotonic seconds.
    """

    url: str | None
    client: Client
    busy: int = 0
    away_until: float = -1.0


class Servers:
    """All servers of one observer.

    Parameters
    ----------
    servers : sequence of Server
    clock : callable
        Seconds, rising.
    """

    def __init__(self, servers: Sequence[Server], clock: Callable[[], float] = time.monotonic) -> None:
        self._servers = list(servers)
        self._clock = clock
        self._lock = threading.Lock()

    @property
    def settings(self) -> Settings:
        """What is asked of the model, on every server alike."""
        return self._servers[0].client.settings

    @property
    def client(self) -> Client:
        """The first server's, which takes batches."""
        return self._servers[0].client

    @contextmanager
    def least_busy(self) -> Iterator[Server]:
        """Choose a server for one request; a failure is remembered against it."""
        with self._lock:
            now = self._clock()
            server = min(self._servers, key=lambda one: (one.away_until > now, one.busy))
            server.busy += 1
        try:
            yield server
        except TemporaryFailure as failure:
            if not failure.throttled:
                server.away_until = self._clock() + AWAY_S
            raise
        finally:
            with self._lock:
                server.busy -= 1

    def close(self) -> None:
        """Close every connection."""
        for server in self._servers:
            server.client.close()
