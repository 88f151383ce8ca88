"""The one ``run``: put a plan to an observer and write down every answer as it comes."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tqdm import tqdm

from .adaptive import Chooser, MakeSampler
from .experiment import Experiment
from .plan import trials_of, with_pairs
from .seam import OBSERVER_KINDS, UNSETTLED, Observer, ObserverError, Response, Trial, utc_now
from .session import (
    Manifest,
    SessionError,
    create_session,
    is_session,
    new_manifest,
    read_manifest,
    read_plan,
    session_folder,
    versions,
)
from .session_log import SYNC_INTERVAL_S, SessionLog
from .status import standing


@dataclass(frozen=True)
class RunResult:
    """Where a session stands after a run.

    Attributes
    ----------
    folder : Path
        The session's folder.
    planned, answered : int
        Trials in the plan, and those that are settled.
    outcomes : dict
        Number of trials by outcome, over the whole session.
    stop_reason : str
        Why the observer stopped before every trial was answered; empty if it said nothing.
    before : int
        Trials that were settled when this run began.
    """

    folder: Path
    planned: int
    answered: int
    outcomes: dict[str, int]
    stop_reason: str = ""
    before: int = 0

    @property
    def complete(self) -> bool:
        """Whether every trial is settled."""
        return self.answered == self.planned


def run(
    experiment: Experiment,
    observer: Observer,
    folder: Path | str,
    *,
    session: str = "1",
    repetitions: int | None = None,
    limit: int | None = None,
    progress: bool = False,
    warn: Callable[[str], None] = warnings.warn,
    make_sampler: MakeSampler | None = None,
    stop: threading.Event | None = None,
) -> RunResult:
    """Ask an observer every trial of its plan that it has not answered yet.

    A new session is begun, or the one that is there is resumed: the same call serves both. Whatever ends a run, what
    was answered is on disk, and calling again asks only what is missing.

    Parameters
    ----------
    experiment : Experiment
    observer : Observer
        Closed when the run ends.
    folder : path
        The data folder; the session gets a folder of its own in it.
    session : str
        Label of the session. The same observer's next session needs another label, and gets another plan. A number is
        taken as text.
    repetitions : int, optional
        Ask each pair so often in this session, instead of as often as the definition says.
    limit : int, optional
        Ask at most so many trials in this run.
    progress : bool
        Show a progress bar with rate and time left on standard error.
    warn : callable
        Called with each warning of the observer, most of them before the first trial.
    make_sampler : callable, optional
        What chooses the pairs of an adaptive design.
    stop : Event, optional
        Once another thread has set it, the run ends with the next response, as by Ctrl-C.

    Returns
    -------
    RunResult

    Raises
    ------
    ObserverError
        If the observer cannot do what the experiment asks, or breaks the contract.
    ValueError
        If `limit` is less than 1.
    SessionError
        If the session cannot be written, is damaged, is being run by another process, or began with another
        definition or other images.
    KeyboardInterrupt
        Passed on, once the session is closed.
    """
    if not isinstance(experiment, Experiment):
        raise TypeError(
            f"expected an Experiment, got {type(experiment).__name__}: make one by Experiment.load('study.yaml')"
        )
    session = str(session)
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, not {limit}")
    _check_observer(observer)
    with contextlib.closing(observer):
        asked = experiment if repetitions is None else experiment.with_repetitions(repetitions)
        choose = _chooser(asked, observer.name, session, make_sampler)
        where = session_folder(folder, observer.name, session)
        observer.session, observer.folder = session, where
        observer.warn = warn
        check = partial(_check_resumable, experiment, asked.definition.repetitions, observer, where)
        if is_session(where):  # refused before a window opens or a model is loaded
            check(read_manifest(where))
        for warning in observer.prepare(asked):
            warn(warning)
        if not is_session(where):
            plan = asked.plan(observer.name, session)
            manifest = new_manifest(
                experiment.definition, experiment.stimuli, plan, observer, session, asked.definition.repetitions
            )
            create_session(where, manifest, plan)
        manifest = read_manifest(where)
        check(manifest)  # once more: while the observer made ready, another process may have begun the session
        plan_table = read_plan(where, manifest)
        with SessionLog(where, 0.0 if observer.acknowledges else SYNC_INTERVAL_S) as log:
            trials = trials_of(with_pairs(plan_table, log.pairs))
            before = _count_settled(log)
            if before < len(trials):
                missing = len(trials) - before
                observer.to_ask = missing if limit is None else min(limit, missing)
                bar = partial(
                    tqdm,
                    total=len(trials),
                    initial=before,
                    desc=observer.name,
                    unit="trial",
                    disable=None if progress else True,  # None: shown on a terminal only
                )
                stopped = stop or threading.Event()
                _ask(observer, _portions(trials, log, choose, limit), log, bar, len(trials), stopped)
            outcomes = Counter(response["outcome"] for response in log.responses.values())
            answered = _count_settled(log)
    return RunResult(where, len(trials), answered, dict(outcomes), observer.stop_reason, before)


def _check_observer(observer: Observer) -> None:
    if not isinstance(observer, Observer):
        raise TypeError(
            f"expected an Observer, got {type(observer).__name__}: make one with create_observer('metric:rms_contrast')"
        )
    name, kind = getattr(observer, "name", None), getattr(observer, "kind", None)
    if not (isinstance(name, str) and name.strip()):
        raise ObserverError(f"{type(observer).__name__} has no name: set 'name' to who answers")
    if kind not in OBSERVER_KINDS:
        raise ObserverError(f"{name}: 'kind' must be one of {', '.join(OBSERVER_KINDS)}, not {kind!r}")


def _chooser(asked: Experiment, observer: str, session: str, make_sampler: MakeSampler | None) -> Chooser | None:
    """Return what chooses the pairs, where the definition says adaptive."""
    definition = asked.definition
    if not definition.adaptive:
        return None
    if make_sampler is None:
        raise SessionError("adaptive pairs need something that chooses them: give make_sampler, or use visavis.run")
    items = tuple(definition.compared(asked.stimuli.renditions))
    labels = definition.seed, observer, session
    return Chooser(items, make_sampler, definition.sides == "counterbalanced", labels)


def _portions(trials: list[Trial], log: SessionLog, choose: Chooser | None, limit: int | None) -> Iterator[list[Trial]]:
    """Yield what is put to the observer at once: all that is missing, or, where pairs are chosen, one block of it."""
    for block in choose.blocks(trials, log) if choose else [trials]:
        missing = [trial for trial in block if not _is_settled(log, trial)][:limit]
        if missing:
            yield missing
        if limit is not None:
            limit -= len(missing)
            if not limit:
                return


def _check_resumable(
    experiment: Experiment, repetitions: int, observer: Observer, folder: Path, manifest: Manifest
) -> None:
    """Refuse to go on with a session that is not the one the caller means."""
    other = "or begin another session with another label"
    if (manifest.observer, manifest.observer_kind) != (observer.name, observer.kind):
        raise SessionError(
            f"{folder}: belongs to {manifest.observer!r} ({manifest.observer_kind}), not to {observer.name!r} "
            f"({observer.kind}): give the observer another name"
        )
    if manifest.session != observer.session:
        raise SessionError(
            f"{folder}: holds session {manifest.session!r}, not {observer.session!r}: give the folder its own name back"
        )
    began = manifest.read_definition()
    if began != experiment.definition:
        before, now = began.model_dump(), experiment.definition.model_dump()
        changed = ", ".join(key for key in now if before[key] != now[key])
        raise SessionError(
            f"{folder}: this session began with another definition (changed: {changed}): run it with the definition it "
            f"began with, {other}"
        )
    if manifest.repetitions != repetitions:
        raise SessionError(
            f"{folder}: this session began with {manifest.repetitions} repetitions, not {repetitions}: ask for as many "
            f"again, {other}"
        )
    if manifest.stimuli_sha256 != experiment.stimuli.sha256:
        then = {(s["scene"], s["rendition"]): s["pixels_sha256"] for s in manifest.stimuli}
        now_there = {(s.scene, s.rendition): s.pixels_sha256 for s in experiment.stimuli.values()}
        scene, rendition = min(key for key in then | now_there if then.get(key) != now_there.get(key))
        raise SessionError(
            f"{folder}: the images have changed since this session began (first: scene {scene!r}, rendition "
            f"{rendition!r}): restore them, {other}"
        )


def _is_settled(log: SessionLog, trial: Trial) -> bool:
    response = log.responses.get(trial.id)
    return response is not None and response["outcome"] not in UNSETTLED


def _count_settled(log: SessionLog) -> int:
    return sum(response["outcome"] not in UNSETTLED for response in log.responses.values())


def _ask(
    observer: Observer,
    portions: Iterator[list[Trial]],
    log: SessionLog,
    bar: Callable[..., tqdm[Response]],
    planned: int,
    stopped: threading.Event,
) -> None:
    """Put trials to the observer, a portion after the other, and write down what comes back."""
    unanswered: set[str] = set()
    interrupted = False

    def stop(reason: str) -> None:
        stands = standing(planned, log.responses.values())
        log.append("stop", {"at": utc_now(), "reason": reason, "unanswered": len(unanswered), "standing": stands})

    log.append("start", {"at": utc_now(), "versions": versions(), "observer": observer.describe()})
    try:
        with bar() as shown:

            def record(response: Response) -> None:
                nonlocal interrupted
                log.record(response)
                unanswered.discard(response.trial)
                shown.set_postfix_str(observer.progress(), refresh=False)
                shown.update()
                if stopped.is_set() and not interrupted:
                    interrupted = True
                    raise KeyboardInterrupt

            for trials in portions:
                unanswered.update(trial.id for trial in trials)
                responses = observer.respond(trials)
                if not isinstance(responses, Iterator):
                    raise ObserverError(
                        f"{observer.name}: 'respond' must yield its responses, not return {responses!r:.40}"
                    )
                try:
                    for_each(responses, partial(_checked, observer, unanswered, record))
                finally:
                    if isinstance(responses, Generator):
                        responses.close()
                if unanswered:
                    break
    except SessionError:
        raise  # the log cannot be written, so neither can the reason
    except BaseException as error:
        stop(
            "interrupted from the keyboard"
            if isinstance(error, KeyboardInterrupt)
            else f"{type(error).__name__}: {error}"
        )
        raise
    else:
        stop(observer.stop_reason or "the observer stopped early" if unanswered else "all answered")


def _checked(observer: Observer, unanswered: set[str], record: Callable[[Response], None], response: Response) -> None:
    if not isinstance(response, Response):
        raise ObserverError(f"{observer.name} yielded {response!r:.40}, expected a Response")
    if response.trial not in unanswered:
        raise ObserverError(
            f"{observer.name} answered {response.trial!r}, which it was not asked or had answered already: "
            "report this to the observer's author"
        )
    record(response)


def for_each(responses: Iterator[Response], record: Callable[[Response], None]) -> None:
    """Record responses as they come.

    Ctrl-C may fall while a response is being written rather than awaited. The response is then written once more, in
    case it was not, and the interruption passed on to the observer, which may still hand over what is under way.
    """
    draw: Callable[[], Response] = partial(next, responses)
    while True:
        try:
            response = draw()
        except StopIteration:
            return
        draw = partial(next, responses)
        try:
            record(response)
        except KeyboardInterrupt as interrupt:
            with contextlib.suppress(ObserverError):  # it was written
                record(response)
            if not isinstance(responses, Generator):
                raise
            draw = partial(responses.throw, interrupt)
