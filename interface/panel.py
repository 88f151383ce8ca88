"""Several observers listed in one file, asked side by side: one display, one budget, one command that goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from visavis.adaptive_run import run
from visavis.experiments import Experiment, Observer, ObserverError, RunResult, SessionError
from visavis.experiments.session import session_folder
from visavis.experiments.yaml_file import read_yaml
from visavis.observers import create_observer


class PanelError(ValueError):
    """A panel's file cannot be read, or its members cannot be asked together."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Member(_Strict):
    """One observer of a panel."""

    observer: str = Field(description="who answers, such as openai:gpt-5.2")
    name: str | None = Field(None, description="in the observer column; by default from 'observer'")
    options: dict[str, Any] = Field(default_factory=dict, description="the observer's own")
    repetitions: Annotated[int, Field(ge=1)] | None = Field(None, description="instead of the definition's")

    def make(self) -> Observer:
        """Make the observer."""
        return create_observer(self.observer, self.options, name=self.name)


class Panel(_Strict):
    """Observers who are asked together."""

    observers: tuple[Member, ...] = Field(min_length=1)
    budget: Annotated[float, Field(gt=0)] | None = Field(None, description="US dollars for all of them")

    @classmethod
    def load(cls, path: Path | str) -> Panel:
        """Read a panel's YAML file.

        Raises
        ------
        PanelError
            Naming the file, the line or field, and what it should hold.
        """
        try:
            content = read_yaml(Path(path))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise PanelError(f"{path}: {reason}") from error
        if content.problems or not isinstance(content.data, dict):
            problems = "; ".join(content.problems) or "expected a mapping with 'observers'"
            raise PanelError(f"{path}: {problems}")
        try:
            return cls.model_validate(content.data)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, problem['loc']))}: {problem['msg'].lower()}" for problem in error.errors()
            )
            raise PanelError(f"{path}: {problems}") from None

    def make(self) -> list[Observer]:
        """Make every observer, each under a name of its own.

        Raises
        ------
        PanelError
            If one cannot be made, or two have one name.
        """
        made: list[Observer] = []
        for place, member in enumerate(self.observers):
            try:
                observer = member.make()
            except ObserverError as problem:
                raise PanelError(f"observers.{place}: {problem}") from problem
            if observer.kind == "human":
                raise PanelError(f"observers.{place}: a person answers alone: visavis run --observer human")
            made.append(observer)
            if observer.name in [other.name for other in made[:-1]]:
                raise PanelError(f"observers.{place}: the name {observer.name!r} is taken: give another by 'name'")
        return made


@dataclass(frozen=True)
class Finished:
    """How one member's run ended.

    Attributes
    ----------
    name : str
    result : RunResult or None
        None where the run failed.
    failure : str
        Why; empty where it did not.
    money : str
        What the observer says it has spent.
    """

    name: str
    result: RunResult | None
    failure: str
    money: str


def run_panel(
    experiment: Experiment,
    panel: Panel,
    results: Path | str,
    *,
    session: str = "1",
    limit: int | None = None,
    budget: float | None = None,
    progress: bool = False,
    warn: Callable[[str], None] = print,
) -> list[Finished]:
    """Ask every member of a panel, all at once, each at its own pace; going on where an earlier run ended.

    Parameters
    ----------
    experiment : Experiment
    panel : Panel
    results : path
        The data folder.
    session, limit
        As for `run`, of each member.
    budget : float, optional
        US dollars for all members together, earlier runs of their sessions included; by default the panel's.
    progress : bool
        Show a progress bar for each member.
    warn : callable
        Called with each warning.

    Returns
    -------
    list of Finished
        In the order of the panel. One member's failure ends its own run alone.

    Raises
    ------
    PanelError
        If a member cannot be made or share the budget.
    KeyboardInterrupt
        Passed on, once every session is closed.
    """
    observers = panel.make()
    limit_usd = budget if budget is not None else panel.budget
    if limit_usd is not None:
        _share_budget(observers, limit_usd, Path(results), session)
    stop = threading.Event()

    def ask(place: int) -> Finished:
        observer, member = observers[place], panel.observers[place]
        name = observer.name
        try:
            result = run(
                experiment,
                observer,
                results,
                session=session,
                repetitions=member.repetitions,
                limit=limit,
                progress=progress,
                warn=lambda text: warn(f"{name}: {text}" if not text.startswith(name) else text),
                stop=stop,
            )
        except (ObserverError, SessionError) as problem:
            return Finished(name, None, str(problem), observer.progress())
        except KeyboardInterrupt:
            return Finished(name, None, "interrupted", observer.progress())
        return Finished(name, result, "", observer.progress())

    with ThreadPoolExecutor(len(observers)) as pool:
        asked = [pool.submit(ask, place) for place in range(len(observers))]
        try:
            finished = [future.result() for future in asked]
        except KeyboardInterrupt:
            stop.set()  # the executor waits for what is under way
            raise
    return finished


def _share_budget(observers: Sequence[Observer], limit: float, results: Path, session: str) -> None:
    """Give the observers who cost money one budget, which what their sessions have cost already has been taken from."""
    from visavis.observers.api.api_observer import ApiObserver, spent_before
    from visavis.observers.api.ledger import SharedBudget

    paid = [observer for observer in observers if isinstance(observer, ApiObserver)]
    for observer in paid:
        if observer.price is None:
            raise PanelError(
                f"{observer.name}: a budget needs prices, and no price of this model is known: give them in its "
                "options, prices: {input: …, output: …} in US dollars a million tokens (0 where it is your own)"
            )
        if observer.options.batch is not None:
            raise PanelError(
                f"{observer.name}: a batch cannot share a budget: leave 'batch' out, or the panel's budget"
            )
    earlier = {one.name: spent_before(session_folder(results, one.name, session)) for one in paid}
    shared = SharedBudget(limit, earlier)
    for observer in paid:
        observer.shared_budget = shared
