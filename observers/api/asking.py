"""One trial, from its question to its response: cache, budget, pace, retries, re-asks, and what is recorded of them."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from visavis.experiments import ObserverError, Outcome, Response, Trial, utc_now
from visavis.observers.question import Answer, Question, QuestionWriter, read_answer, soft_choice

from .cache import ReplyCache, cache_key
from .ledger import Ledger
from .pacing import Concurrency, RateLimit, RetryPolicy, Stopped
from .reply import AccessRefused, Reply, RequestRefused, TemporaryFailure, Usage
from .servers import Servers

MOST_FAILURES = 5
"""So many trials lost one after the other, each after all its tries, end the run."""


class Breaker:
    """Ends a run in which nothing succeeds any more."""

    def __init__(self, most: int = MOST_FAILURES) -> None:
        self._most = most
        self._failures = 0
        self._lock = threading.Lock()

    def succeeded(self) -> None:
        """Begin to count anew."""
        with self._lock:
            self._failures = 0

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


@dataclass
class Asked:
    """What it took to get one trial's answer.

    Attributes
    ----------
    replies : list of Reply
    tries, from_cache : int
        Requests that went out, and replies that the cache gave instead.
    usage : Usage
    lost : int
        Replies that never arrived or cannot be read.
    lost_usd : float
        What they, and those that do not tell their tokens, can have cost at most.
    onset : str or None
        When the last request went out.
    latency_s : float or None
        How long its reply took.
    server : str or None
    """

    replies: list[Reply] = field(default_factory=list)
    tries: int = 0
    from_cache: int = 0
    usage: Usage = field(default_factory=Usage)
    lost: int = 0
    lost_usd: float = 0.0
    onset: str | None = None
    latency_s: float | None = None
    server: str | None = None


@dataclass(frozen=True)
class Asker:
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
    cache : ReplyCache or None
    breaker : Breaker
    reasks : int
    soft : bool
    seed : int or None
    input_tokens : callable
        Estimates the tokens of a question.
    parameters : dict
        Recorded with every response.
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
    cache: ReplyCache | None
    breaker: Breaker
    reasks: int
    soft: bool
    seed: int | None
    input_tokens: Callable[[Question], int]
    parameters: dict[str, Any]

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
        asked = Asked()
        try:
            while True:
                reply = self._reply(trial, question, asked, stop)
                asked.replies.append(reply)
                if reply.status != "ok" or read_answer(reply.text, question).choice or len(asked.replies) > self.reasks:
                    break
        except (TemporaryFailure, RequestRefused) as error:
            self.breaker.failed(error)
            return self.failed(trial, question, asked, error)
        except AccessRefused as error:
            raise ObserverError(f"{self.name}: {error}. Every answer before this is saved") from error
        except Stopped as stopped:
            if not asked.usage.input and not asked.lost_usd:
                raise
            # Broken off between two asks: what the first has cost is written down, so that a budget is kept.
            return self.failed(trial, question, asked, stopped, "aborted")
        self.breaker.succeeded()
        return self.response(trial, question, asked)

    def response(self, trial: Trial, question: Question, asked: Asked) -> Response:
        """Make the response out of the last reply."""
        reply = asked.replies[-1]
        answer = read_answer(reply.text, question) if reply.status == "ok" else Answer(None)
        outcome: Outcome = "invalid"
        if reply.status != "ok":
            outcome = reply.status
        elif answer.choice is not None:
            outcome = "tie" if answer.choice == "tie" else "choice"
        provenance = self._provenance(question, asked)
        p_left = None
        if self.soft and answer.choice is not None and reply.first_token:
            p_left, provenance["label_mass"] = soft_choice(dict(reply.first_token), question)
        if answer.reasoning:
            provenance["reasoning"] = answer.reasoning
        return Response(
            trial.id,
            outcome,
            answer.choice,
            p_left=p_left,
            response_time_s=asked.latency_s,
            onset=asked.onset,
            attempts=len(asked.replies),
            provenance=provenance,
        )

    def failed(
        self, trial: Trial, question: Question, asked: Asked, error: Exception, outcome: Outcome = "error"
    ) -> Response:
        """Make the response for a trial that nobody answered; a resume asks it again."""
        provenance = {**self._provenance(question, asked), "error": f"{type(error).__name__}: {error}"}
        return Response(trial.id, outcome, attempts=max(1, len(asked.replies)), provenance=provenance)

    def seed_of(self, trial: Trial, ask: int) -> int | None:
        """Return the seed sent with a request: another for every trial, so that repetitions are no copies."""
        if self.seed is None:
            return None
        named = f"{self.seed}/{self.session}/{trial.id}/{ask}"
        return int.from_bytes(hashlib.sha256(named.encode()).digest()[:4], "big") >> 1

    def worst(self, question: Question) -> Usage:
        """Return the most tokens that a request can use, by the estimate."""
        return Usage(round(1.5 * self.input_tokens(question)), self.servers.settings.max_output_tokens)

    def most_usd(self, trial: Trial) -> float:
        """Return what a request can cost at most; 0 where no price is known."""
        return self.ledger.most(self.worst(self.writer.write(trial))) if self.ledger.price else 0.0

    def _reply(self, trial: Trial, question: Question, asked: Asked, stop: threading.Event) -> Reply:
        ask = len(asked.replies) + 1
        body = self.servers.client.body(question, self.seed_of(trial, ask))
        key = ""
        if self.cache:
            key = cache_key(body, trial, self.servers.urls, observer=self.name, session=self.session, ask=ask)
            cached = self.cache.get(key)
            if cached is not None:
                asked.from_cache += 1
                return cached
        estimate = self.input_tokens(question)

        def send() -> Reply:
            wait = max(self.requests.reserve(), self.tokens.reserve(estimate))
            if stop.wait(wait):
                raise Stopped
            with self.servers.least_busy() as server:
                asked.tries += 1
                asked.onset, asked.server, begun = utc_now(), server.url, time.monotonic()
                reply = server.client.ask(body)
                asked.latency_s = time.monotonic() - begun
                return reply

        def uncounted() -> None:
            asked.lost_usd += receipt.most
            self.ledger.lose(receipt)

        def on_failure(error: TemporaryFailure) -> None:
            if error.throttled:
                self.concurrency.throttled()
            if error.lost:
                asked.lost += 1
                uncounted()
                self.ledger.check()

        with self.ledger.request(self.worst(question), stop) as receipt, self.concurrency.slot(stop):
            reply = self.retry.send(send, stop, on_failure)
            receipt.usage = reply.usage
            if reply.usage is None:
                uncounted()
        if reply.usage is not None:
            asked.usage += reply.usage
        self.concurrency.succeeded()
        if self.cache:
            self.cache.put(key, reply)
        return reply

    def _provenance(self, question: Question, asked: Asked) -> dict[str, Any]:
        """Return what is recorded of a trial, whatever became of it."""
        record: dict[str, Any] = {
            **self.parameters,
            "server": asked.server,
            "prompt_sha256": question.prompt_sha256,
            "images": [picture.record() for picture in question.pictures],
            "tries": asked.tries,
            "tokens": asdict(asked.usage),
            "cost_usd": self.ledger.cost(asked.usage),
        }
        if asked.lost:
            record["lost_replies"] = asked.lost
        if asked.lost_usd:
            record["lost_usd"] = asked.lost_usd
        if asked.from_cache:
            record["from_cache"] = asked.from_cache
        if asked.replies:
            *earlier, last = asked.replies
            record |= _told(last)
            if earlier:
                record["earlier"] = [_told(reply) for reply in earlier]
        return record


def _told(reply: Reply) -> dict[str, Any]:
    told = {
        "raw": reply.text,
        "thoughts": reply.thoughts,
        "finish_reason": reply.finish_reason,
        "served_model": reply.served_model,
        "request_id": reply.request_id,
    }
    return {name: value for name, value in told.items() if value is not None}
