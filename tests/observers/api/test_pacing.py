"""Pace, retries and money on a clock of the test's own."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from extras import require_extra

from visavis.observers.api.failures import (
    AccessRefused,
    ContentRefused,
    Forbidden,
    RequestRefused,
    TemporaryFailure,
    failure,
)
from visavis.observers.api.ledger import BudgetReached, Ledger
from visavis.observers.api.pacing import Concurrency, RateLimit, RetryPolicy, Stopped
from visavis.observers.api.prices import Price
from visavis.observers.api.reply import Reply, Usage
from visavis.observers.api.workers import in_parallel


@pytest.fixture
def tenacity() -> None:
    require_extra("api", "tenacity")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Stop(threading.Event):
    """An event that remembers how long it was waited for, and waits for nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout or 0.0)
        return self.is_set()


def test_amounts_are_spread_over_the_minute() -> None:
    clock = Clock()
    limit = RateLimit(60, clock)
    assert [limit.reserve() for _ in range(3)] == [0, 1, 2]
    clock.now += 10
    assert limit.reserve(5) == 0
    assert limit.reserve() == 5
    assert RateLimit(None).reserve(10**9) == 0


def test_concurrency_grows_fast_until_the_server_asks_for_fewer_and_slowly_from_then_on() -> None:
    clock = Clock()
    concurrency = Concurrency(32, clock)
    assert concurrency.limit == 4
    for _ in range(40):
        concurrency.succeeded()
    assert concurrency.limit == 32
    for _ in range(20):  # many requests meet the same refusal
        concurrency.throttled()
    assert concurrency.limit == 16
    for _ in range(17):
        concurrency.succeeded()
    assert concurrency.limit == 17
    for _ in range(10):
        clock.now += 2
        concurrency.throttled()
    assert concurrency.limit == 1


def test_a_wait_for_a_place_ends_when_the_run_does() -> None:
    concurrency, stop = Concurrency(1), threading.Event()
    with concurrency.slot(stop):
        stop.set()
        with pytest.raises(Stopped), concurrency.slot(stop):
            pass


def fails(times: int, **kind: object) -> tuple[list[int], object]:
    calls = [0]

    def request() -> Reply:
        calls[0] += 1
        if calls[0] <= times:
            raise TemporaryFailure("later", **kind)  # type: ignore[arg-type]
        return Reply("ok", "A")

    return calls, request


@pytest.mark.usefixtures("tenacity")
def test_waits_double_with_jitter_up_to_the_cap() -> None:
    stop = Stop()
    calls, request = fails(7)
    RetryPolicy(8, first_wait_s=1, longest_wait_s=10).send(request, stop, lambda _: None)  # type: ignore[arg-type]
    assert calls == [8]
    assert all(wait <= min(10, 2**n) for n, wait in enumerate(stop.waited))
    assert len(set(stop.waited)) == 7


@pytest.mark.usefixtures("tenacity")
def test_the_servers_wish_is_kept_up_to_the_cap() -> None:
    for asked, least, most in ((5.0, 5.0, 5.5), (3600.0, 60.0, 60.0)):
        stop = Stop()
        _, request = fails(1, retry_after_s=asked)
        RetryPolicy(2, first_wait_s=1, longest_wait_s=60).send(request, stop, lambda _: None)  # type: ignore[arg-type]
        assert least <= stop.waited[0] <= most


@pytest.mark.usefixtures("tenacity")
def test_the_last_failure_is_passed_on_and_others_are_not_tried_again() -> None:
    told = []
    calls, request = fails(9)
    with pytest.raises(TemporaryFailure):
        RetryPolicy(3).send(request, Stop(), told.append)  # type: ignore[arg-type]
    assert (calls, len(told)) == ([3], 3)

    def refuse() -> Reply:
        calls[0] += 1
        raise RequestRefused("no")

    with pytest.raises(RequestRefused):
        RetryPolicy(3).send(refuse, Stop(), told.append)
    assert calls == [4]


@pytest.mark.usefixtures("tenacity")
def test_a_run_that_ends_tries_no_more() -> None:
    stop = threading.Event()
    stop.set()
    calls, request = fails(0)
    with pytest.raises(Stopped):
        RetryPolicy().send(request, stop, lambda _: None)  # type: ignore[arg-type]
    assert calls == [0]


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [(408, "", TemporaryFailure), (429, "slow", TemporaryFailure), (529, "", TemporaryFailure),
     (429, '{"code": "insufficient_quota"}', AccessRefused), (401, "", AccessRefused), (404, "", AccessRefused),
     (400, "too large", RequestRefused), (413, "", RequestRefused), (422, "", RequestRefused),
     (400, "Your credit balance is too low", AccessRefused),
     (400, "API key not valid. Please pass a valid API key.", AccessRefused),
     (400, "Incorrect API key provided: xa***", AccessRefused),
     (400, '{"code": "model_not_found"}', AccessRefused),
     (400, '{"code": "content_policy_violation"}', ContentRefused),
     (403, "Content violates usage guidelines.", ContentRefused), (403, "", Forbidden)],
)  # fmt: skip
def test_what_a_status_means(status: int, message: str, kind: type[Exception]) -> None:
    assert type(failure(status, {}, message)) is kind


def test_waiting_times_are_read_in_every_form() -> None:
    google = '{"details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "37.5s"}]}'
    for headers, message, seconds in (
        ({"retry-after": "7"}, "", 7.0), ({"retry-after-ms": "250"}, "", 0.25), ({}, google, 37.5), ({}, "", None),
        ({"retry-after": "2"}, google, 2.0), ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, "", 0.0),
        ({"retry-after": "soon"}, "", None),
    ):  # fmt: skip
        found = failure(429, headers, message)
        assert isinstance(found, TemporaryFailure)
        assert found.retry_after_s == seconds
        assert found.throttled
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    found = failure(503, {"retry-after": in_a_minute}, "")
    assert isinstance(found, TemporaryFailure)
    assert found.retry_after_s == pytest.approx(60, abs=5)


def test_a_budget_counts_what_is_under_way() -> None:
    ledger, stop = Ledger(Price(1.0, 1.0, 1.0, "test"), budget=10, most_read=1), threading.Event()
    with ledger.request(Usage(4, 1), stop) as first, ledger.request(Usage(4, 1), stop):
        stop.set()
        with pytest.raises(Stopped), ledger.request(Usage(1, 0), stop):
            pass
        first.usage = Usage(3, 0)
    assert ledger.spent == 3
    with pytest.raises(BudgetReached), ledger.request(Usage(7, 1), stop):
        pass


def test_a_lost_reply_counts_at_the_most_it_can_have_cost_and_ends_what_cannot_be_tried_again() -> None:
    ledger, stop = Ledger(Price(1.0, 1.0, 1.0, "test"), budget=10, most_read=1), threading.Event()
    with ledger.request(Usage(3, 1), stop) as receipt:
        ledger.lose(receipt)  # 4 lost, 4 held back for another try
        ledger.check()
        ledger.lose(receipt)
        with pytest.raises(BudgetReached):
            ledger.check()
    assert (ledger.spent, ledger.lost, ledger.reached) == (0, 8, True)


def test_cached_tokens_have_a_price_of_their_own() -> None:
    assert Price(2.0, 5.0, 1.0, "test").cost(Usage(10, 3, cached=4)) == 6 * 2 + 4 * 1 + 3 * 5


def test_results_under_way_are_yielded_before_an_error_is_raised() -> None:
    begun = threading.Event()

    def work(item: int, stop: threading.Event) -> int:
        if item == 0:
            begun.wait(5)
            raise ValueError("first")
        begun.set()
        stop.wait(5)  # until the other has failed
        return item

    results = in_parallel(work, [0, 1], 2)
    got: list[int] = []
    with pytest.raises(ValueError, match="first"):
        got.extend(results)
    assert got == [1]


def test_nothing_to_do_is_done_at_once() -> None:
    assert list(in_parallel(lambda item, _: item, [], 4)) == []
