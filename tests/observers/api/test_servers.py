"""Which of several servers is asked."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from typing import Any

from visavis.observers.api.failures import TemporaryFailure
from visavis.observers.api.servers import AWAY_S, Server, Servers


def test_one_that_failed_gets_a_single_request_until_it_answers_again() -> None:
    now = [0.0]
    nobody: Any = None
    good, bad = Server("http://good", nobody), Server("http://bad", nobody, busy=0)
    servers = Servers([bad, good], clock=lambda: now[0])
    with suppress(TemporaryFailure), servers.least_busy() as first:
        assert first is bad
        raise TemporaryFailure("it hung")

    def under_way(count: int) -> list[str | None]:
        with ExitStack() as stack:
            return [stack.enter_context(servers.least_busy()).url for _ in range(count)]

    assert under_way(4) == ["http://good"] * 4
    now[0] = AWAY_S + 1
    assert under_way(6).count("http://bad") == 1
    assert under_way(6).count("http://bad") == 3
