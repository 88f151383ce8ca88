"""One server, or several of the same model: the least busy is asked, one that fails is left alone for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from .client import Client, Settings
from .failures import AccessRefused, TemporaryFailure, Unreachable

AWAY_S = 15.0
"""A server that could not be reached gets no request for so long, where there is another."""


@dataclass
class Server:
    """A server and what it has to do.

    Attributes
    ----------
    url : str
    client : Client
    busy : int
        Requests under way.
    away_until : float
        Monotonic seconds.
    failing : bool
        Whether the last request to it failed; it then gets one at a time, so that one that hangs holds up no more.
    reached : bool or None
        Whether a connection to it was ever made; None before it was tried.
    """

    url: str
    client: Client
    busy: int = 0
    away_until: float = -1.0
    failing: bool = False
    reached: bool | None = None


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

    @property
    def urls(self) -> list[str]:
        """Their addresses."""
        return [server.url for server in self._servers]

    @contextmanager
    def least_busy(self) -> Iterator[Server]:
        """Choose a server for one request; a failure is remembered against it.

        Raises
        ------
        AccessRefused
            If no server was ever reached: trying again would not mend a mistyped address.
        """
        with self._lock:
            now = self._clock()
            server = min(
                self._servers, key=lambda one: (one.away_until > now or (one.failing and one.busy > 0), one.busy)
            )
            server.busy += 1
        try:
            yield server
            server.reached, server.failing = True, False
        except Unreachable as failure:
            server.away_until, server.failing = self._clock() + AWAY_S, True
            server.reached = server.reached or False
            if all(one.reached is False for one in self._servers):
                raise AccessRefused(
                    f"no server answers at {', '.join(self.urls)} ({failure}): check the address and the network, and "
                    "whether the server is running"
                ) from None
            raise
        except TemporaryFailure as failure:
            server.reached = True
            if not failure.throttled and failure.usage is None:
                server.away_until, server.failing = self._clock() + AWAY_S, True
            raise
        finally:
            with self._lock:
                server.busy -= 1

    def close(self) -> None:
        """Close every connection."""
        for server in self._servers:
            server.client.close()
