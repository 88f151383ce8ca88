"""Reads a reply as one of the answers, strictly, or as no answer."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from visavis.experiments import Choice

from .question import Question


@dataclass(frozen=True)
class ParsedAnswer:
    """What a reply says.

    Attributes
    ----------
    choice : {'left', 'right', 'tie'} or None
        None where the reply is not one of the answers, and nothing else.
    reasoning : str or None
        The words before the answer.
    """

    choice: Choice | None
    reasoning: str | None = None


_BEFORE = " \t\r\n'\"`*_([“”‘’«»"
_AFTER = _BEFORE + ")].!:;,。！：；，、"


def bare(text: str) -> str:
    """Return a text without quotation marks, emphasis and brackets around it and punctuation after it, in one case.

    Nothing else is taken off: what stands before a word may turn it round, as in ``!A`` and ``-A``.
    """
    return text.lstrip(_BEFORE).rstrip(_AFTER).casefold()


def read_answer(text: str, question: Question) -> ParsedAnswer:
    """Read a reply strictly: one of the answers and nothing beside it, in any case, or no choice.

    A label inside a sentence is not an answer: "A is brighter, so B" names both. Where reasons were asked for, the
    answer is the last line, ``Answer: LABEL``. JSON with the key ``answer`` is read whether it was forced or not. What
    a model thought first, up to ``</think>``, is its reasoning, where its server leaves the two together.
    """
    thoughts, thought, text = text.rpartition("</think>")
    answer = _read_words(text.strip(), question)
    if not thought:
        return answer
    reasons = thoughts.strip().removeprefix("<think>").strip(), answer.reasoning
    return ParsedAnswer(answer.choice, "\n\n".join(filter(None, reasons)) or None)


def _read_words(text: str, question: Question) -> ParsedAnswer:
    structured = _read_json(text, question)
    if structured is not None:
        return structured
    if question.structured:  # a server that does not know the format may give the answer alone, which is no less clear
        return ParsedAnswer(_match(text, question))
    reasoning = None
    if question.reasoning:
        before, _, last = text.rpartition("\n")
        found = re.fullmatch(r"[\s*_#>-]*answer[\s*_]*:(?P<label>.*)", last, re.IGNORECASE)
        if found is None:
            return ParsedAnswer(None)
        reasoning, text = before.strip() or None, found["label"]
    return ParsedAnswer(_match(text, question), reasoning)


def _match(text: str, question: Question) -> Choice | None:
    word = bare(text)
    return next((choice for label, choice in question.answers.items() if bare(label) == word), None)


def _read_json(text: str, question: Question) -> ParsedAnswer | None:
    fenced = re.fullmatch(r"```(?:json)?\s*(.*?)\s*```", text, re.DOTALL)
    try:
        data = json.loads(fenced[1] if fenced else text, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or not isinstance(data.get("answer"), str):
        return None
    reasoning = data.get("reasoning")
    return ParsedAnswer(_match(data["answer"], question), reasoning if isinstance(reasoning, str) else None)


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse an object that says a thing twice, of which JSON readers keep the last."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key occurs twice")
    return dict(pairs)
