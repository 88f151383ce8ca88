"""Makes the response out of an exchange: its outcome, and what is recorded of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from visavis.experiments import Outcome, Response, Trial
from visavis.observers.answer_reading import ParsedAnswer, read_answer
from visavis.observers.lenient_reading import read_leniently
from visavis.observers.question import Question
from visavis.observers.soft_choice import soft_choice

from .exchange import Exchange
from .ledger import Ledger
from .reply import Reply


@dataclass(frozen=True)
class ResponseMaker:
    """Makes responses, whatever way the replies came.

    Attributes
    ----------
    ledger : Ledger
        Knows the price.
    soft : bool
        Whether the choice's probability is read from the first token.
    parameters : dict
        Recorded with every response.
    reading : {'strict', 'lenient'}
    min_label_mass : float
        Where less probability is on the answers together, their share is not used.
    """

    ledger: Ledger
    soft: bool
    parameters: dict[str, Any]
    reading: Literal["strict", "lenient"] = "strict"
    min_label_mass: float = 0.0

    def read(self, reply: Reply, question: Question) -> ParsedAnswer:
        """Read a reply's answer; only a whole one can hold any, or one whose first token is the answer."""
        if reply.status == "ok":
            return self._read_text(reply.text, question)
        if self.soft and reply.status == "truncated" and reply.first_token:
            return read_answer(reply.text, question)  # cut off after the label, as by --max-output-tokens 1
        return ParsedAnswer(None)

    def _read_text(self, text: str, question: Question) -> ParsedAnswer:
        return read_leniently(text, question) if self.reading == "lenient" else read_answer(text, question)

    def response(self, trial: Trial, question: Question, exchange: Exchange) -> Response:
        """Make the response out of the last reply."""
        reply = exchange.replies[-1]
        answer = self.read(reply, question)
        outcome: Outcome = "invalid"
        if answer.choice is not None:
            outcome = "tie" if answer.choice == "tie" else "choice"
        elif reply.status != "ok":
            outcome = reply.status
        provenance = self._provenance(question, exchange)
        p_left = None
        if self.soft and answer.choice is not None and reply.first_token:
            soft = soft_choice(reply.first_token, question)
            p_left, provenance["label_mass"] = soft.p_left, soft.mass
            if soft.is_bounded:
                provenance["p_left_range"] = [soft.low, soft.high]
            if p_left is not None and soft.mass < self.min_label_mass:
                p_left, provenance["p_left_unused"] = None, p_left
        if self.reading == "lenient" and answer.choice and read_answer(reply.text, question).choice is None:
            provenance["reading"] = "lenient"
        if answer.reasoning:
            provenance["reasoning"] = answer.reasoning
        return Response(
            trial.id,
            outcome,
            answer.choice,
            p_left=p_left,
            response_time_s=exchange.latency_s,
            onset=exchange.onset,
            attempts=len(exchange.replies),
            provenance=provenance,
        )

    def failed(
        self, trial: Trial, question: Question, exchange: Exchange, error: Exception, outcome: Outcome = "error"
    ) -> Response:
        """Make the response for a trial without an answer; a resume asks it again."""
        provenance = {**self._provenance(question, exchange), "error": f"{type(error).__name__}: {error}"}
        return Response(trial.id, outcome, attempts=max(1, len(exchange.replies)), provenance=provenance)

    def _provenance(self, question: Question, exchange: Exchange) -> dict[str, Any]:
        """Return what is recorded of a trial, whatever became of it."""
        record: dict[str, Any] = {
            **self.parameters,
            "server": exchange.server,
            "prompt_sha256": question.prompt_sha256,
            "images": [picture.record() for picture in question.pictures],
            "tries": exchange.tries,
            "tokens": asdict(exchange.usage),
            "cost_usd": self.ledger.cost(exchange.usage),
        }
        if exchange.lost:
            record["lost_replies"] = exchange.lost
        if exchange.broken_off:
            record["broken_off_replies"] = exchange.broken_off
        if exchange.lost_usd:
            record["lost_usd"] = exchange.lost_usd
        if exchange.reservations:
            record["reservations"] = exchange.reservations
        if exchange.from_cache:
            record["from_cache"] = exchange.from_cache
        if exchange.replies:
            *earlier, last = exchange.replies
            record |= _recorded(last)
            if earlier:
                record["earlier"] = [_recorded(reply) for reply in earlier]
        return record


def _recorded(reply: Reply) -> dict[str, Any]:
    record = {
        "raw": reply.text,
        "thoughts": reply.thoughts,
        "finish_reason": reply.finish_reason,
        "served_model": reply.served_model,
        "request_id": reply.request_id,
    }
    return {name: value for name, value in record.items() if value is not None}
