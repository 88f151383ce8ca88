"""Adaptive pairs: which ones a block asks is decided when it is reached, from the answers before it.

Rules of this file: the plan is whole from the beginning, and says of every trial when it comes, what it asks, in which
scene and in which order; the pairs of all rounds but the first are provisional in it. What is chosen instead is written
to the log before it is asked, so that a resume asks the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Protocol

from .random_stream import RandomStream
from .seam import PresentationOrder, Trial, trial_id, utc_now
from .session_log import SessionLog


class Sampler(Protocol):
    """Chooses pairs of one scale, such as `visavis.scaling.ActiveSampler`."""

    def ask(self) -> list[tuple[str, str]]:
        """Return the pairs to ask next: one fewer than there are items, all different."""

    def tell(self, chosen: str, other: str, *, tie: bool = False) -> None:
        """Take in an answer."""


MakeSampler = Callable[[tuple[str, ...]], Sampler]
"""Makes the sampler of one scale from the names of its items."""


@dataclass(frozen=True)
class Chooser:
    """Chooses the pairs of a session's blocks.

    Attributes
    ----------
    items : tuple of str
        The renditions that are compared, in the stimulus set's order.
    make_sampler : callable
    counterbalanced : bool
        Whether a pair that is asked again changes sides; otherwise every trial keeps the side that its plan drew.
    labels : tuple of int or str
        Name the random numbers: the definition's seed, the observer and the session.
    """

    items: tuple[str, ...]
    make_sampler: MakeSampler
    counterbalanced: bool
    labels: tuple[int | str, ...]

    def blocks(self, trials: Sequence[Trial], log: SessionLog) -> Iterator[list[Trial]]:
        """Yield the trials of one block after the other, each as it is asked.

        Parameters
        ----------
        trials : sequence of Trial
            Of the whole session, in order; those chosen earlier as they were chosen.
        log : SessionLog
            Gives the answers; gets what is chosen.
        """
        before: list[Trial] = []
        for number, members in groupby(trials, key=lambda trial: trial.block):
            block = list(members)
            if not any(trial.index in log.pairs or trial.id in log.responses for trial in block):
                chosen = self._choose(block, before, log.responses)
                if chosen:
                    records = [_record(trial) for trial in chosen.values()]
                    log.append("pairs", {"at": utc_now(), "block": number, "trials": records})
                    block = [chosen.get(trial.index, trial) for trial in block]
            yield block
            before += block

    def _choose(
        self, block: Sequence[Trial], before: Sequence[Trial], responses: Mapping[str, Mapping[str, Any]]
    ) -> dict[int, Trial]:
        """Return, by trial index, the trials whose pairs the answers before this block decide."""
        chosen: dict[int, Trial] = {}
        for scale in dict.fromkeys(_scale(trial) for trial in block if trial.phase == "main"):
            answered = [
                (trial, responses[trial.id]["choice"])
                for trial in before
                if trial.phase == "main" and _scale(trial) == scale and responses.get(trial.id, {}).get("choice")
            ]
            if not answered:
                continue  # nothing to learn from
            sampler = self.make_sampler(self.items)
            for trial, choice in answered:
                winner, loser = (trial.right, trial.left) if choice == "right" else (trial.left, trial.right)
                sampler.tell(winner, loser, tie=choice == "tie")
            places = [trial for trial in block if trial.phase == "main" and _scale(trial) == scale]
            pairs = [sorted(pair, key=self.items.index) for pair in sampler.ask()]
            order = RandomStream(*self.labels, "adaptive", *scale, block[0].block).permutation(len(pairs))
            pairs = [pairs[i] for i in order.tolist()]
            if places[0] is block[0] and _asks(before[-1], scale, pairs[0]):
                pairs = [*pairs[1:], pairs[0]]  # no pair twice running
            shown = Counter((trial.left, trial.right) for trial, _ in answered)
            for trial, (first, second) in zip(places, pairs, strict=True):
                chosen[trial.index] = self._asking(trial, first, second, shown)
        return chosen

    def _asking(self, trial: Trial, first: str, second: str, shown: Counter[tuple[str, str]]) -> Trial:
        """Return a trial that asks another pair, on the side that it was planned for or was shown on less often."""
        order: PresentationOrder = trial.presentation_order
        excess = shown[first, second] - shown[second, first]
        if self.counterbalanced and excess:
            order = "BA" if excess > 0 else "AB"
        left, right = (first, second) if order == "AB" else (second, first)
        name = trial_id(trial.phase, trial.attribute, trial.scene, left, right, trial.repetition)
        return replace(trial, id=name, left=left, right=right, presentation_order=order)


def _record(trial: Trial) -> dict[str, Any]:
    shown = {"left": trial.left, "right": trial.right, "presentation_order": trial.presentation_order}
    return {"trial_index": trial.index, "trial": trial.id, **shown}


def _scale(trial: Trial) -> tuple[str, str]:
    return trial.attribute, trial.scene


def _asks(trial: Trial, scale: tuple[str, str], pair: Iterable[str]) -> bool:
    return _scale(trial) == scale and {trial.left, trial.right} == set(pair)
