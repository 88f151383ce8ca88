"""One trial, from its question to its response: cache, budget, pace, retries, re-asks."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from visavis.experiments import ObserverError, Response, Trial, utc_now
from visavis.observers.question import Question
from visavis.observers.question_writer import QuestionWriter

from .cache import ReplyCache, cache_key
from .circuit_breaker import CircuitBreaker
from .exchange import Exchange
from .failures import AccessRefused, Forbidden, RequestRefused, TemporaryFailure
from .ledger import Ledger
from .pacing import Concurrency, RateLimit, RetryPolicy, Stopped
from .reply import Reply, Usage
from .request_body import Body
from .reservations import Reservations
from .response_maker import ResponseMaker
from .servers import Servers

MOST_REASKS_OF_NOTHING = 1
"""An empty reply is asked again so often at most."""


@dataclass(frozen=True)
class TrialAsker:
    """Asks one trial after the other, from any thread.

    Attributes
    ----------
    name, session : str
        The observer's.
    writer : QuestionWriter
    servers : Servers
    retry : RetryPolicy
    concurrency : Concurrency
    requests, tokens : RateLimit
    ledger : Ledger
    reservations : Reservations
    cache : ReplyCache or None
    breaker : CircuitBreaker
    maker : ResponseMaker
    reasks : int
    seed : int or None
    input_tokens : callable
        Estimates the tokens of a question.
    """

    name: str
    session: str
    writer: QuestionWriter
    servers: Servers
    retry: RetryPolicy
    concurrency: Concurrency
    requests: RateLimit
    tokens: RateLimit
    ledger: Ledger
    reservations: Reservations
    cache: ReplyCache | None
    breaker: CircuitBreaker
    maker: ResponseMaker
    reasks: int
    seed: int | None
    input_tokens: Callable[[Question], int]

    def __call__(self, trial: Trial, stop: threading.Event) -> Response:
        """Ask a trial until it is answered, or cannot be.

        Raises
        ------
        ObserverError
            If no trial can be asked: a bad key, a missing model, a server that has failed too often.
        Stopped
            If `stop` was set, or the budget is reached.
        """
        question = self.writer.write(trial)
        before = self.reservations.take(trial.id)
        exchange = Exchange(lost_usd=sum(before.values()), reservations=[*before])
        try:
            while True:
                reply = self._reply(trial, question, exchange, stop)
                exchange.replies.append(reply)
                if reply.status != "ok" or self.maker.read(reply, question).choice:
                    break
                # A model that says nothing mostly says nothing again, and both are paid for.
                reasks = self.reasks if reply.text.strip() else min(self.reasks, MOST_REASKS_OF_NOTHING)
                if len(exchange.replies) > reasks:
                    break
        except (TemporaryFailure, RequestRefused) as error:
            self.breaker.failed(error)
            return self.maker.failed(trial, question, exchange, error)
        except AccessRefused as error:
            if isinstance(error, Forbidden) and self.breaker.has_succeeded:
                # Others were accepted with this key: it is this request that is not.
                self.breaker.failed(error)
                return self.maker.failed(trial, question, exchange, error)
            raise ObserverError(f"{self.name}: {error}. Every answer before this is saved") from error
        except Stopped as stopped:
            if not exchange.usage.input and not exchange.lost_usd:
                raise
            # Stopped between two requests: what the first has cost is written down, so that a budget is kept.
            return self.maker.failed(trial, question, exchange, stopped, "aborted")
        self.breaker.succeeded()
        return self.maker.response(trial, question, exchange)

    def body(self, trial: Trial, question: Question, ask: int) -> Body:
        """Return a request's body; `ask` counts from 1."""
        return self.servers.client.body(question, self._seed_of(trial, ask))

    def most_usd(self, trial: Trial) -> float:
        """Return what a request can cost at most; 0 where the price is unknown."""
        return self.ledger.most(self._worst(self.writer.write(trial))) if self.ledger.price else 0.0

    def _release(self, reserved: str | None) -> None:
        if reserved is not None:
            self.reservations.release(reserved)

    def _seed_of(self, trial: Trial, ask: int) -> int | None:
        """Return the seed sent with a request: another for every trial, so that repetitions are not copies."""
        if self.seed is None:
            return None
        named = f"{self.seed}/{self.session}/{trial.id}/{ask}"
        return int.from_bytes(hashlib.sha256(named.encode()).digest()[:4], "big") >> 1

    def _worst(self, question: Question) -> Usage:
        """Return the most tokens that a request can use, by the estimate."""
        return Usage(round(1.5 * self.input_tokens(question)), self.servers.settings.max_output_tokens)

    def _reply(self, trial: Trial, question: Question, exchange: Exchange, stop: threading.Event) -> Reply:
        ask = len(exchange.replies) + 1
        body = self.body(trial, question, ask)
        if self.cache is None:
            return self._paid_reply(trial, question, body, exchange, stop)
        key = cache_key(body, trial, self.servers.urls, observer=self.name, session=self.session, ask=ask)
        cached = self.cache.get(key)
        if cached is not None:
            exchange.from_cache += 1
            return cached
        reply = self._paid_reply(trial, question, body, exchange, stop)
        self.cache.put(key, reply)
        return reply

    def _paid_reply(
        self, trial: Trial, question: Question, body: Body, exchange: Exchange, stop: threading.Event
    ) -> Reply:
        """Send a request within budget, pace and concurrency until it is answered."""
        estimate = self.input_tokens(question)

        def send() -> Reply:
            wait = max(self.requests.reserve(), self.tokens.reserve(estimate))
            if stop.wait(wait):
                raise Stopped
            with self.servers.least_busy() as server:
                exchange.tries += 1
                exchange.onset, exchange.server, begun = utc_now(), server.url, time.monotonic()
                reserved = self.reservations.reserve(trial.id, receipt.most) if receipt.most else None
                try:
                    reply = server.client.ask(body)
                except (RequestRefused, AccessRefused) as refused:
                    self._release(reserved)
                    raise refused from None
                except TemporaryFailure as failed:
                    if reserved and (failed.lost or failed.usage is not None):
                        exchange.reservations.append(reserved)
                    else:
                        self._release(reserved)
                    raise failed from None
                exchange.reservations += [reserved] if reserved else []
                exchange.latency_s = time.monotonic() - begun
                return reply

        def count_as_lost() -> None:
            exchange.lost_usd += receipt.most
            self.ledger.lose(receipt)

        def on_failure(error: TemporaryFailure) -> None:
            if error.throttled:
                self.concurrency.throttled()
            if error.usage is not None:
                exchange.broken_off += 1
                exchange.usage += error.usage
                self.ledger.add(error.usage)
            if error.lost:
                exchange.lost += 1
                count_as_lost()
            if error.lost or error.usage is not None:
                self.ledger.check()

        with self.ledger.request(self._worst(question), stop) as receipt, self.concurrency.slot(stop):
            reply = self.retry.send(send, stop, on_failure)
            receipt.usage = reply.usage
            if reply.usage is None:
                count_as_lost()
        if reply.usage is not None:
            exchange.usage += reply.usage
        self.concurrency.succeeded()
        return reply
