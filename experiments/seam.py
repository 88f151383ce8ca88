"""The seam between an experiment and the observer who answers it.

Rule of this file: data and one abstract class, no input or output. A `Trial` says what is shown; a `Response` says
what came back; an `Observer` turns the one into the other. People, models, image statistics and simulations
implement the same class, and nothing after the seam can distinguish them except by ``observer_kind``.
"""

from __future__ import annotations

import abc
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from visavis.base.trials import OBSERVER_KINDS as OBSERVER_KINDS
from visavis.base.trials import OUTCOMES as OUTCOMES
from visavis.base.trials import PHASES as PHASES
from visavis.base.trials import Choice as Choice
from visavis.base.trials import ObserverKind as ObserverKind
from visavis.base.trials import Outcome as Outcome
from visavis.base.trials import Phase as Phase
from visavis.base.trials import PresentationOrder as PresentationOrder
from visavis.base.trials import Side as Side

if TYPE_CHECKING:
    from visavis.experiments.experiment import Experiment

UNSETTLED: frozenset[Outcome] = frozenset({"error", "aborted"})
"""Outcomes that are not the observer's answer: the infrastructure failed, or the trial was broken off. A resume asks
again."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One presentation of a pair of stimuli, decided before anyone is asked.

    Attributes
    ----------
    id : str
        Unique within a plan and readable: ``attribute/scene/left/right/repetition``, with ``practice/`` or
        ``catch/`` before it outside the main phase. It names what is shown where, so the answer to (A, B) can
        never be taken for the answer to (B, A), nor one repetition for another.
    index : int
        Position in the plan, from 0.
    block : int
        Number of the block, from 0. Practice is a block of its own.
    phase : {'practice', 'main', 'catch'}
        Scaling reads main trials only.
    attribute : str
        What is judged, a key of the definition's ``attributes``.
    scene : str
        Scene of all stimuli in this trial.
    left, right : str
        Renditions shown on either side (or first and second, when shown one after the other).
    reference : str or None
        Rendition shown as reference, if the definition asks for one.
    repetition : int
        From 1.
    presentation_order : {'AB', 'BA'}
        ``AB`` when the rendition that comes first in the stimulus set's order is on the left.
    expected : str or None
        For a catch trial, the rendition that an attentive observer chooses.
    """

    id: str
    index: int
    block: int
    phase: Phase
    attribute: str
    scene: str
    left: str
    right: str
    reference: str | None
    repetition: int
    presentation_order: PresentationOrder
    expected: str | None = None

    def rendition(self, side: Side) -> str:
        """Return the rendition shown on `side`."""
        return self.left if side == "left" else self.right


def trial_id(phase: Phase, attribute: str, scene: str, left: str, right: str, repetition: int) -> str:
    """Return the id of a trial (see `Trial`)."""
    return f"{'' if phase == 'main' else f'{phase}/'}{attribute}/{scene}/{left}/{right}/{repetition}"


def utc_now() -> str:
    """Return the time in UTC as ISO 8601 with microseconds, the form of every time stamp in a log."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True, slots=True)
class Response:
    """What came back from one trial.

    Attributes
    ----------
    trial : str
        The `Trial.id` that was answered.
    outcome : str
        One of `OUTCOMES`. What is not a choice is never bent into one.
    choice : {'left', 'right', 'tie'} or None
        Given exactly when `outcome` is ``choice`` (a side) or ``tie``.
    p_left : float or None
        Probability of choosing left, in [0, 1], where the observer's probabilities are real (from log-probabilities
        or a known model), never guessed from a single choice.
    response_time_s : float or None
        Seconds from onset to answer.
    onset, answered_at : str or None
        UTC, ISO 8601.
    attempts : int
        How often the observer was asked until this outcome, from 1.
    provenance : mapping
        Everything else known of how the answer came about; JSON values only.

    Raises
    ------
    ValueError
        If the parts contradict each other.
    """

    trial: str
    outcome: Outcome
    choice: Choice | None = None
    p_left: float | None = None
    response_time_s: float | None = None
    onset: str | None = None
    answered_at: str = field(default_factory=utc_now)
    attempts: int = 1
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.outcome not in OUTCOMES:
            raise ValueError(f"outcome must be one of {', '.join(OUTCOMES)}, not {self.outcome!r}")
        allowed: tuple[str | None, ...] = {"choice": ("left", "right"), "tie": ("tie",)}.get(self.outcome, (None,))
        if self.choice not in allowed:
            raise ValueError(f"outcome {self.outcome!r} goes with a choice in {allowed}, not {self.choice!r}")
        if self.p_left is not None and not 0 <= self.p_left <= 1:
            raise ValueError(f"p_left must lie in [0, 1], not {self.p_left!r}")
        if self.response_time_s is not None and not self.response_time_s >= 0:
            raise ValueError(f"response_time_s must not be negative, not {self.response_time_s!r}")
        if self.attempts < 1:
            raise ValueError(f"attempts counts from 1, not {self.attempts!r}")

    def check_types(self) -> None:
        """Refuse fields of another type than they are declared with, as a damaged log may hold.

        Raises
        ------
        ValueError
        """
        for name, value, types in (
            ("trial", self.trial, str),
            ("p_left", self.p_left, (int, float, type(None))),
            ("response_time_s", self.response_time_s, (int, float, type(None))),
            ("attempts", self.attempts, int),
            ("provenance", self.provenance, Mapping),
        ):
            if not isinstance(value, types) or isinstance(value, bool):
                raise ValueError(f"{name} cannot be {value!r:.40}")
        for name, time in (("onset", self.onset), ("answered_at", self.answered_at)):
            if time is not None:
                try:
                    datetime.fromisoformat(time)
                except (TypeError, ValueError):
                    raise ValueError(f"{name} must be a time in ISO 8601, not {time!r:.40}") from None

    @property
    def settled(self) -> bool:
        """Whether this is the observer's own doing; otherwise a resume asks the trial again."""
        return self.outcome not in UNSETTLED


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an observer can do, known before anything is asked.

    Attributes
    ----------
    ties : bool
        Can answer "equal" where the definition allows ties.
    soft_choice : bool
        Fills `Response.p_left` with real probabilities.
    reference : bool
        Can be shown a reference image beside the pair.
    deterministic : bool
        Gives the same answer to the same trial every time, so that repetitions measure nothing.
    """

    ties: bool = True
    soft_choice: bool = False
    reference: bool = True
    deterministic: bool = False


class ObserverError(RuntimeError):
    """The observer cannot do what the experiment asks; the message names the remedy."""


class MissingKey(ObserverError):
    """The observer lacks the key to a server; all else that `Observer.prepare` checks is well.

    Attributes
    ----------
    warnings : list of str
        What `Observer.prepare` would have returned.
    """

    def __init__(self, message: str, warnings: Sequence[str] = ()) -> None:
        super().__init__(message, list(warnings))
        self.warnings = list(warnings)

    def __str__(self) -> str:
        return str(self.args[0])


class Observer(abc.ABC):
    """Someone who answers trials: the one contract for people, models, statistics and simulations.

    A life is `prepare`, any number of `respond`, `close`. An implementation chooses no order, no side and no
    repetition: the plan has decided them. Every implementation passes
    `visavis.observers.contract_tests.ObserverContract`, which plugins can run too.

    Attributes
    ----------
    name : str
        Who answers, as it stands in the ``observer`` column: a participant's code, a model's id.
    session : str
        Label of the session, set by `run` before `prepare`.
    folder : Path or None
        The session's folder, set by `run` before `prepare`, for files of the observer's own; it is there once
        `respond` is called. None outside a run.
    to_ask : int or None
        How many trials this run asks, over every call of `respond`; set by `run` after `prepare`. None outside a run.
    warn : callable
        Takes warnings that become clear while trials are answered; set by `run` before `prepare`.
    stop_reason : str
        Set by the observer where `respond` ends before every trial is answered: why, and what to do about it.
    acknowledges : bool
        Whether the observer says to the person that an answer is kept. Each is then flushed to the disk itself
        before `respond` goes on; otherwise answers within 50 ms share a flush.
    """

    kind: ClassVar[ObserverKind]
    warn: Callable[[str], None] = staticmethod(warnings.warn)
    capabilities: Capabilities = Capabilities()
    name: str
    session: str = "1"
    folder: Path | None = None
    to_ask: int | None = None
    stop_reason: str = ""
    acknowledges: ClassVar[bool] = False

    def prepare(self, experiment: Experiment) -> list[str]:
        """Make ready to answer trials of `experiment`; called once, before the first trial.

        Parameters
        ----------
        experiment : Experiment
            Gives the definition, the questions and the stimuli.

        Returns
        -------
        list of str
            Warnings to show before the run, such as an image that will be resampled.

        Raises
        ------
        ObserverError
            If the experiment asks for something this observer cannot do. Implementations that override this method
            call it first.
        """
        definition = experiment.definition
        if definition.ties and not self.capabilities.ties:
            raise ObserverError(f"{self.name} cannot answer 'equal': set 'ties: false' or choose another observer")
        if definition.reference is not None and not self.capabilities.reference:
            raise ObserverError(
                f"{self.name} cannot be shown a reference: remove 'reference' or choose another observer"
            )
        if self.capabilities.deterministic and definition.repetitions > 1 and not definition.adaptive:
            return [
                f"{self.name} answers the same trial always alike: its repetitions measure no variability "
                "('repetitions: 1' asks for one)"
            ]
        return []

    @abc.abstractmethod
    def respond(self, trials: Sequence[Trial]) -> Iterator[Response]:
        """Answer `trials`, yielding each response as soon as it is there.

        Parameters
        ----------
        trials : sequence of Trial
            In the order of the plan. People are shown them in this order; an observer that asks several at once may
            yield in any order.

        Yields
        ------
        Response
            One for each trial. What was yielded is on disk before the next one is drawn. When the run is interrupted
            the generator is closed (``GeneratorExit``): stop asking then, and clean up in ``finally``.
        """

    def estimate(self, experiment: Experiment, trials: Sequence[Trial]) -> list[str]:  # noqa: ARG002 - for some
        """Return lines on what asking `trials` would take, such as tokens and money; `prepare` need not have run."""
        return []

    def progress(self) -> str:
        """Return a few words for the progress bar, such as the money spent; empty by default."""
        return ""

    def describe(self) -> dict[str, Any]:
        """Return what the session's manifest should record of this observer (JSON values): settings, versions."""
        return {}

    def close(self) -> None:  # noqa: B027 - most observers hold nothing that needs closing
        """Release windows, connections and memory; called once, whatever happened."""
