"""Watches the first answers of a run, and warns once of what would be noticed too late."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from visavis.experiments import Response
from visavis.observers.lenient_reading import read_leniently
from visavis.observers.question import Question

FIRST = 5
"""So many answers are looked at before the first warning."""
MANY = 0.1
"""A share of replies that are answers to any reader, and not to the strict reading, that is worth a warning."""


class ReplyWatch:
    """Counts what comes back.

    Parameters
    ----------
    name : str
        The observer's.
    soft : bool
    lenient : bool
        Whether replies are read leniently already.
    """

    def __init__(self, name: str, *, soft: bool, lenient: bool) -> None:
        self._name, self._soft, self._lenient = name, soft, lenient
        self._counts: Counter[str] = Counter()
        self._examples: list[str] = []
        self._said: set[str] = set()

    def warnings(self, response: Response, question: Question) -> Iterator[str]:
        """Take in a response; yield what has become clear by it."""
        counts, known = self._counts, response.provenance
        counts["all"] += "raw" in known
        if response.outcome in ("choice", "tie"):
            counts["answers"] += 1
            counts["without"] += "label_mass" not in known
            counts["unused"] += "p_left_unused" in known
            counts["bounded"] += "p_left_range" in known
        elif response.outcome == "invalid" and read_leniently(str(known.get("raw", "")), question).choice:
            counts["lenient"] += 1
            self._examples = [*self._examples, repr(str(known["raw"])[:40])][:3]
        if self._soft and counts["answers"] >= FIRST:
            shares = {name: counts[name] / counts["answers"] for name in ("without", "unused", "bounded")}
            if shares["without"] > 0.5:
                yield from self._once(
                    "without",
                    f"{self._name} returned no log-probabilities in {counts['without']} of {counts['answers']} "
                    "answers, though --soft asks for them: p_left stays empty there",
                )
            if shares["unused"] > 0.5:
                yield from self._once(
                    "unused",
                    f"{self._name} puts little probability on the answers in {counts['unused']} of "
                    f"{counts['answers']}: p_left is left empty there (--min-label-mass)",
                )
            if shares["bounded"] > 0.5:
                yield from self._once(
                    "bounded",
                    f"{self._name} gives the probability of one answer alone in {counts['bounded']} of "
                    f"{counts['answers']}: p_left is the middle of its bounds there",
                )
        if not self._lenient and counts["all"] >= FIRST and counts["lenient"] > MANY * counts["all"]:
            yield from self._once(
                "lenient",
                f"{counts['lenient']} of {counts['all']} replies of {self._name} are invalid and would be answers by "
                f"--reading lenient: {', '.join(self._examples)}",
            )

    def _once(self, what: str, text: str) -> Iterator[str]:
        if what not in self._said:
            self._said.add(what)
            yield text
