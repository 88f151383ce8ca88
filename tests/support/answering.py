"""Observers for tests, in a module so that a process of its own can run them too."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from visavis.experiments import Experiment, Observer, Response, Trial, run


def by_hash(trial: Trial) -> Response:
    """Choose a side by the trial's id, so that the same trial gets the same answer in every run."""
    left = hashlib.sha256(trial.id.encode()).digest()[0] % 2
    return Response(trial.id, "choice", "left" if left else "right", response_time_s=0.25)


class Scripted(Observer):
    """Answers by a function; what the function raises, it raises."""

    kind = "simulated"

    def __init__(self, answer: Callable[[Trial], Response] = by_hash, name: str = "P1", seconds: float = 0) -> None:
        self.name, self.answer, self.seconds = name, answer, seconds
        self.asked: list[str] = []
        self.closed = False

    def respond(self, trials: Sequence[Trial]) -> Iterator[Response]:
        for trial in trials:
            time.sleep(self.seconds)
            self.asked.append(trial.id)
            yield self.answer(trial)

    def close(self) -> None:
        self.closed = True


if __name__ == "__main__":
    definition, results, seconds = sys.argv[1:]
    run(Experiment.load(Path(definition)), Scripted(seconds=float(seconds)), results)
