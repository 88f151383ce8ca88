"""The study as every analysis sees it: prepared once, and what several analyses need computed once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from visavis.base.trials import check_trials
from visavis.scaling.counts import CHOICE_COLUMNS, count_choices, require_columns
from visavis.scaling.errors import ScalingError

from .options import PEOPLE, Options

if TYPE_CHECKING:
    from .analysis import Analysis

Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class Study:
    """Trials that are to be compared, and who gave them.

    Attributes
    ----------
    trials : DataFrame
        The trials table, catch trials included.
    people, models : tuple of str
        Observers taken as people, and all others.
    options : Options
    attributes : tuple of str
        All that were asked.
    scenes, items : tuple of str
    screened : DataFrame
        As `screen`.
    unscreened : Study, optional
        With the people whom the screening left out.
    analyses : mapping
        By name: those that `table` can compute.
    """

    trials: pd.DataFrame
    people: tuple[str, ...]
    models: tuple[str, ...]
    options: Options
    attributes: tuple[str, ...]
    scenes: tuple[str, ...]
    items: tuple[str, ...]
    screened: pd.DataFrame
    unscreened: Study | None = None
    analyses: Mapping[str, Analysis] = field(default_factory=dict)
    _made: dict[Hashable, object] = field(default_factory=dict)

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return what `make` gives, made at the first call alone."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]  # type: ignore[return-value]

    @property
    def main(self) -> pd.DataFrame:
        """The main trials."""
        return self.once("main", lambda: self.trials[self.trials["phase"] == "main"])

    @property
    def of_people(self) -> pd.DataFrame:
        """The people's main trials."""
        return self.once("of people", lambda: self.main[self.main["observer"].isin(self.people)])

    @property
    def grouped(self) -> pd.DataFrame:
        """The main trials, all people as one observer, `PEOPLE`, before the models."""
        return self.once("grouped", lambda: pool_people(self.main, self.people))

    @property
    def answered(self) -> tuple[str, ...]:
        """Attributes on which anybody chose."""
        chosen = self.once("chosen", lambda: set(self.main.loc[self.main["choice"].notna(), "attribute"].unique()))
        return tuple(name for name in self.attributes if name in chosen)

    @property
    def observers(self) -> tuple[str, ...]:
        """All people together, if there are any, and the models."""
        return (*((PEOPLE,) if self.people else ()), *self.models)

    def table(self, name: str) -> pd.DataFrame:
        """Return the table of an analysis.

        Raises
        ------
        ScalingError
            If its columns are not those that the analysis declares.
        """
        analysis = self.analyses[name]
        return self.once(("table", name), lambda: analysis.checked(analysis.compute(self)))

    def by_attribute(self, name: str, compute: Callable[[str], pd.DataFrame]) -> pd.DataFrame:
        """Compute the table `name` for each attribute on which anybody chose, one under the other."""
        frames = [frame for frame in map(compute, self.answered) if len(frame)]
        return pd.concat(frames, ignore_index=True) if frames else self.analyses[name].empty()


def prepare(
    trials: pd.DataFrame,
    people: Sequence[str],
    options: Options,
    analyses: Sequence[Analysis] = (),
    *,
    screened: pd.DataFrame | None = None,
    unscreened: Study | None = None,
) -> Study:
    """Prepare the study of everyone who answered.

    Parameters
    ----------
    trials : DataFrame
        From `completed`.
    people : sequence of str
        Names of the observers that count as people.
    options : Options
    analyses : sequence of Analysis
    screened, unscreened
        As in `Study`.

    Raises
    ------
    ScalingError
        If there are no choices at all.
    """
    main = trials[trials["phase"] == "main"]
    items = count_choices(main, ()).items
    return Study(
        trials=trials,
        people=tuple(people),
        models=tuple(name for name in sorted(main["observer"].unique()) if name not in set(people)),
        options=options,
        attributes=tuple(sorted(main["attribute"].unique())),
        scenes=tuple(sorted(main.loc[main["choice"].notna(), "scene"].unique())),
        items=items,
        screened=pd.DataFrame() if screened is None else screened,
        unscreened=unscreened,
        analyses={analysis.name: analysis for analysis in analyses},
    )


def checked(trials: pd.DataFrame) -> pd.DataFrame:
    """Return a trials table that keeps to the schema in the columns that it has.

    Raises
    ------
    ScalingError
        Naming the first row that does not.
    """
    try:
        check_trials(trials)
    except ValueError as problem:
        raise ScalingError(str(problem)) from None
    return trials


def completed(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the trials table with every column that the comparison reads.

    A table with no more than ``observer, attribute, scene, left, right, choice`` serves: every trial is then a main
    one of the observer's only session, of no definition, and its outcome follows from the choice.

    Raises
    ------
    ScalingError
        If one of these six is missing.
    """
    require_columns(trials, CHOICE_COLUMNS)
    choice = trials["choice"]
    filled: dict[str, Callable[[], Any]] = {
        "phase": lambda: "main",
        "outcome": lambda: choice.map({"left": "choice", "right": "choice", "tie": "tie"}).fillna("invalid"),
        "observer_kind": lambda: "unknown",
        "session": lambda: trials["observer"],
        "trial": lambda: range(len(trials)),
        "experiment": lambda: "unnamed",
        "definition_sha256": lambda: "unknown",
        "repetition": lambda: _repetitions(trials),
    }
    missing = {name: make() for name, make in filled.items() if name not in trials}
    return trials.assign(**missing) if missing else trials


def _repetitions(trials: pd.DataFrame) -> pd.Series:
    """Count from 1 how often an observer was asked a pair, on either side."""
    swapped = trials["left"].astype(str) > trials["right"].astype(str)
    pair = trials[["observer", "attribute", "scene"]].assign(
        first=trials["left"].where(~swapped, trials["right"]), second=trials["right"].where(~swapped, trials["left"])
    )
    return pair.groupby(list(pair.columns), dropna=False).cumcount() + 1


def pool_people(trials: pd.DataFrame, people: Sequence[str]) -> pd.DataFrame:
    """Make one observer of all people, under the name `PEOPLE`, before the models."""
    of_people = trials["observer"].isin(people)
    return pd.concat([trials[of_people].assign(observer=PEOPLE), trials[~of_people]], ignore_index=True)


def people_named(trials: pd.DataFrame, patterns: Sequence[str] | None) -> list[str]:
    """Return the observers that count as people: by names with ``*`` and ``?``, or everyone who is human."""
    observers = sorted(set(trials["observer"]))
    if patterns is None:
        return sorted(set(trials.loc[trials["observer_kind"] == "human", "observer"]))
    for pattern in patterns:
        if not any(_matches(name, pattern) for name in observers):
            raise ScalingError(f"unknown observer {pattern!r}; choose from {', '.join(observers)}")
    return [name for name in observers if any(_matches(name, pattern) for pattern in patterns)]


def _matches(name: str, pattern: str) -> bool:
    return name == pattern or fnmatchcase(name, pattern)  # a name may hold the brackets of a pattern


def people_first(table: pd.DataFrame) -> pd.DataFrame:
    """Sort by observer, all people together before the models."""
    return table.sort_values(
        "observer", key=lambda names: names.mask(names == PEOPLE, ""), kind="stable", ignore_index=True
    )
