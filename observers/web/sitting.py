"""One participant's run: `run` asks an observer whose answers come from a page, in a thread of its own.

Rules of this file: no web. A session from the browser is written by the same `run` as everybody's, so manifest, plan,
log, adaptive pairs and resuming are the same; an answer counts as recorded once `run` has written it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from visavis.experiments import Experiment, Observer, ObserverError, Response, Trial, utc_now
from visavis.observers.human import participant

Run = Callable[..., Any]
"""`visavis.run`, or one of the same parameters."""

_WAIT_S = 60.0
"""The longest that a request waits for a session to begin or an answer to be written."""


class SittingOver(RuntimeError):
    """The run has ended, or could not go on; the message says why."""


@dataclass(frozen=True)
class Portion:
    """Trials to show now.

    Attributes
    ----------
    trials : tuple of Trial
    total : int
        How many trials were to be asked when the page was opened.
    shown : int
        How many of them are answered.
    previous : Trial or None
        The last of those.
    """

    trials: tuple[Trial, ...]
    total: int
    shown: int
    previous: Trial | None


@dataclass
class Desk:
    """Where the thread of a run lays its trials and finds their answers.

    Parameters
    ----------
    patience_s : float
        How long the run waits for an answer before it ends; a later answer begins another run.
    """

    patience_s: float
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _asked: dict[int, Trial] = field(default_factory=dict)
    _given: list[Response] = field(default_factory=list)
    _unwritten: dict[str, int] = field(default_factory=dict)
    _left: int = 0
    _total: int = 0
    _previous: Trial | None = None
    _closing: str = ""
    _over: str | None = None

    def offer(self, trials: Sequence[Trial], to_ask: int) -> None:
        """Lay trials out; called by the run's thread."""
        with self._changed:
            self._asked = {trial.index: trial for trial in trials}
            if self._left == 0:
                self._left = self._total = to_ask
            self._changed.notify_all()

    def next_answer(self) -> Response | None:
        """Return the next answer; None where there will not be one."""
        with self._changed:
            until = time.monotonic() + self.patience_s
            while not self._given and not self._closing:
                if not self._changed.wait(max(0.0, until - time.monotonic())) and time.monotonic() >= until:
                    self._closing = "the participant went away"
            return self._given.pop(0) if self._given else None

    def written(self, trial: str) -> None:
        """Say that an answer is on disk; called by the run's thread."""
        with self._changed:
            self._unwritten.pop(trial, None)
            self._changed.notify_all()

    @property
    def waiting(self) -> bool:
        """Whether trials of the portion are unanswered."""
        with self._changed:
            return bool(self._asked or self._given)

    @property
    def closing(self) -> str:
        """Why the run is to end; empty where it is not."""
        return self._closing

    def close(self, reason: str) -> None:
        """Have the run end."""
        with self._changed:
            self._closing = self._closing or reason
            self._changed.notify_all()

    def end(self, reason: str) -> None:
        """Say that the run has ended: empty where every trial is answered."""
        with self._changed:
            self._over = reason
            self._changed.notify_all()

    @property
    def over(self) -> bool:
        """Whether the run has ended."""
        return self._over is not None

    def open(self) -> Portion | None:
        """Return what is left to show, as to a page that was just opened; None where every trial is answered."""
        with self._changed:
            self._await_trials()
            self._total, self._previous = self._left, None
        return self.portion()

    def portion(self) -> Portion | None:
        """Return the trials to show now; None where every trial is answered.

        Raises
        ------
        SittingOver
            If the run ended before.
        """
        with self._changed:
            self._await_trials()
            if not self._asked:
                return None
            return Portion(tuple(self._asked.values()), self._total, self._total - self._left, self._previous)

    def answer(self, index: int, make: Callable[[Trial], Response]) -> bool:
        """Hand an answer over and wait until it is on disk.

        Parameters
        ----------
        index : int
            Of the trial in the plan.
        make : callable
            Makes the response, where the trial still waits for one.

        Returns
        -------
        bool
            False where the trial was answered before; what stands is kept.

        Raises
        ------
        SittingOver
            If it could not be written.
        """
        with self._changed:
            until = time.monotonic() + _WAIT_S
            while not self._total and self._over is None:
                self._wait(until, "the session did not begin in time")
            trial = self._asked.get(index)
            if trial is not None:
                if self._over is not None or self._closing:
                    raise SittingOver(self._over or self._closing)
                self._given.append(make(trial))
                del self._asked[index]
                self._left -= 1
                self._previous = trial
                self._unwritten[trial.id] = index
                self._changed.notify_all()
            while index in self._unwritten.values():  # the same answer may come twice at once
                if self._over is not None:
                    raise SittingOver(self._over)
                self._wait(until, "the answer was not written in time")
            return trial is not None

    def _await_trials(self) -> None:
        until = time.monotonic() + _WAIT_S
        while not self._asked and self._over is None:
            self._wait(until, "the session did not begin in time")
        if self._over:
            raise SittingOver(self._over)

    def _wait(self, until: float, too_long: str) -> None:
        if not self._changed.wait(max(0.0, until - time.monotonic())) and time.monotonic() >= until:
            raise SittingOver(too_long)


@dataclass(frozen=True)
class Beginning:
    """What a participant said before the first trial.

    Attributes
    ----------
    answers : mapping
        To the form.
    agreed_at : str or None
        When the participant agreed, where consent is asked.
    """

    answers: Mapping[str, str]
    agreed_at: str | None


class WebObserver(Observer):
    """A person at a page.

    Parameters
    ----------
    name : str
        The participant's code.
    desk : Desk
    beginning : Beginning or None
        None where the session has begun before.
    described : dict
        What the log records of page and screen.
    """

    kind: ClassVar[Any] = "human"
    acknowledges: ClassVar[bool] = True

    def __init__(self, name: str, desk: Desk, beginning: Beginning | None, described: dict[str, Any]) -> None:
        self.name = name
        self._desk = desk
        self._beginning = beginning
        self._described = described
        self._definition: Any = None

    def prepare(self, experiment: Experiment) -> list[str]:
        """Check the answers to the form."""
        warnings = super().prepare(experiment)
        self._definition = experiment.definition
        if self._beginning is not None:
            participant.check_answers(experiment.definition, self._beginning.answers)
        return warnings

    def respond(self, trials: Sequence[Trial]) -> Iterator[Response]:
        """Lay the trials on the desk and yield what the page answers."""
        self.stop_reason = ""
        if not trials:
            return
        if self._beginning is not None and not participant.is_known(self.folder):
            participant.write(
                self.folder, self._definition, self._beginning.answers, consent=self._beginning.agreed_at, screening={}
            )
        self._desk.offer(trials, self.to_ask or len(trials))
        while self._desk.waiting:
            response = self._desk.next_answer()
            if response is None:
                self.stop_reason = self._desk.closing
                return
            yield response
            self._desk.written(response.trial)

    def describe(self) -> dict[str, Any]:
        """Return what is known of page and screen."""
        return self._described


class Sitting:
    """A run in a thread of its own.

    Parameters
    ----------
    experiment : Experiment
    code : str
    results : Path
    run : callable
    patience_s : float
    beginning : Beginning or None
    described : dict
        As for `WebObserver`.
    """

    def __init__(
        self,
        experiment: Experiment,
        code: str,
        results: Path,
        run: Run,
        patience_s: float,
        beginning: Beginning | None,
        described: dict[str, Any],
    ) -> None:
        self.desk = Desk(patience_s)
        self._observer = WebObserver(code, self.desk, beginning, described)
        self._thread = threading.Thread(
            target=self._work, args=(run, experiment, results), name=f"visavis-{code}", daemon=True
        )
        self.began_at = utc_now()
        self._thread.start()

    def _work(self, run: Run, experiment: Experiment, results: Path) -> None:
        try:
            result = run(experiment, self._observer, results, warn=lambda _: None)
        except ObserverError as error:
            self.desk.end(f"{error}")
        except Exception as error:
            self.desk.end(f"{type(error).__name__}: {error}")
        else:
            self.desk.end("" if result.complete else result.stop_reason or "stopped early")

    def close(self, reason: str) -> None:
        """End the run and wait until its log is closed."""
        self.desk.close(reason)
        self._thread.join(_WAIT_S)
