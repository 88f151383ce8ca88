"""The plan: every trial of one session, decided before anyone is asked.

Trials are held as columns of small integers, so that a million of them are planned in seconds and fit in memory; a
`Trial` is made when it is asked for. `visavis.experiments.trial_sequence` makes plans.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .designs import IntArray
from .seam import PHASES, Trial, trial_id

PRACTICE, MAIN, CATCH = range(len(PHASES))
_ORDERS = ("AB", "BA")
_NONE = -1


@dataclass(frozen=True, eq=False)
class TrialColumns:
    """Trials as codes: attributes, scenes and renditions by their position in the plan's vocabularies."""

    phase: NDArray[np.int8]
    attribute: NDArray[np.int16]
    scene: IntArray
    first: IntArray
    second: IntArray
    order: NDArray[np.int8]
    repetition: IntArray
    expected: IntArray
    block: IntArray

    def __len__(self) -> int:
        return len(self.phase)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TrialColumns):
            return NotImplemented
        return all(np.array_equal(getattr(self, field.name), getattr(other, field.name)) for field in fields(self))

    __hash__ = None  # type: ignore[assignment]  # arrays have no hash; `Plan.sha256` has

    def take(self, positions: NDArray[np.intp]) -> TrialColumns:
        """Return the trials at `positions`."""
        return TrialColumns(*(getattr(self, field.name)[positions] for field in fields(self)))


def trial_columns(n: int, **given: NDArray[np.generic] | int) -> TrialColumns:
    """Broadcast `given` to `n` trials of main phase with no expected answer unless given otherwise."""
    values: dict[str, NDArray[np.generic] | int] = {"phase": MAIN, "expected": _NONE, "block": 0, **given}
    dtypes = {"phase": np.int8, "attribute": np.int16, "order": np.int8}
    return TrialColumns(
        *(np.broadcast_to(np.asarray(values[f.name], dtypes.get(f.name, np.int32)), n) for f in fields(TrialColumns))
    )


def concatenate(parts: Sequence[TrialColumns]) -> TrialColumns:
    """Return the trials of `parts` one after the other."""
    return TrialColumns(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(TrialColumns)))


@dataclass(frozen=True, repr=False)
class Plan(Sequence[Trial]):
    """The resolved trials of one session, in the order of asking.

    A sequence of `Trial`; `to_frame` gives the same as a table. Plans are equal if their trials are.

    Attributes
    ----------
    attributes, scenes, renditions : tuple of str
        The vocabularies.
    reference : str or None
        Rendition shown beside every pair.
    """

    attributes: tuple[str, ...]
    scenes: tuple[str, ...]
    renditions: tuple[str, ...]
    reference: str | None
    _trials: TrialColumns

    def __repr__(self) -> str:
        phases = np.bincount(self._trials.phase, minlength=len(PHASES))
        parts = ", ".join(f"{n} {phase}" for phase, n in zip(PHASES, phases.tolist(), strict=True) if n)
        blocks = len(np.unique(self._trials.block))
        return f"<Plan: {len(self)} trials ({parts}) in {blocks} block(s) on {', '.join(self.attributes)}>"

    def __len__(self) -> int:
        return len(self._trials)

    @overload
    def __getitem__(self, index: int) -> Trial: ...
    @overload
    def __getitem__(self, index: slice) -> list[Trial]: ...
    def __getitem__(self, index: int | slice) -> Trial | list[Trial]:
        if isinstance(index, slice):
            return [self._trial(i) for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"trial {index} of a plan with {len(self)} trials")
        return self._trial(index % len(self))

    def __iter__(self) -> Iterator[Trial]:
        return (self._trial(i) for i in range(len(self)))

    def _trial(self, i: int) -> Trial:
        t = self._trials
        phase = PHASES[t.phase[i]]
        attribute, scene = self.attributes[t.attribute[i]], self.scenes[t.scene[i]]
        left, right = self.renditions[t.first[i]], self.renditions[t.second[i]]
        if t.order[i]:
            left, right = right, left
        repetition = int(t.repetition[i])
        return Trial(
            id=trial_id(phase, attribute, scene, left, right, repetition),
            index=i,
            block=int(t.block[i]),
            phase=phase,
            attribute=attribute,
            scene=scene,
            left=left,
            right=right,
            reference=self.reference,
            repetition=repetition,
            presentation_order="BA" if t.order[i] else "AB",
            expected=None if t.expected[i] == _NONE else self.renditions[t.expected[i]],
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the trials as a table.

        Returns
        -------
        DataFrame
            A row a trial, with the columns of `Trial`: ``trial, trial_index, block, phase, attribute, scene, left,
            right, reference, repetition, presentation_order, expected``. Texts have dtype ``string``.
        """
        t = self._trials

        def words(codes: NDArray[np.integer[Any]], vocabulary: Sequence[str]) -> pd.Series[str]:
            return pd.Series(pd.Categorical.from_codes(codes, pd.Index(list(vocabulary)))).astype("string")

        swapped = t.order.astype(bool)
        attribute, scene = words(t.attribute, self.attributes), words(t.scene, self.scenes)
        left = words(np.where(swapped, t.second, t.first), self.renditions)
        right = words(np.where(swapped, t.first, t.second), self.renditions)
        repetition = pd.Series(t.repetition.astype(np.int64))
        prefix = words(t.phase, [f"{phase}/" if phase != "main" else "" for phase in PHASES])
        trial = prefix + attribute + "/" + scene + "/" + left + "/" + right + "/" + repetition.astype("string")
        return pd.DataFrame(
            {
                "trial": trial,
                "trial_index": np.arange(len(t)),
                "block": t.block.astype(np.int64),
                "phase": words(t.phase, PHASES),
                "attribute": attribute,
                "scene": scene,
                "left": left,
                "right": right,
                "reference": pd.Series([self.reference] * len(t), dtype="string"),
                "repetition": repetition,
                "presentation_order": words(t.order, _ORDERS),
                "expected": words(t.expected, self.renditions),
            }
        )

    def to_csv(self) -> str:
        """Return the plan as CSV text, the form in which a session keeps it."""
        return self.to_frame().to_csv(index=False, lineterminator="\n")

    @property
    def sha256(self) -> str:
        """SHA-256 of `to_csv`, 64 hexadecimal digits."""
        return hashlib.sha256(self.to_csv().encode()).hexdigest()


def plan_columns(text: str) -> dict[str, list[Any]]:
    """Read a plan that `Plan.to_csv` wrote, from its text, as the columns of `Plan.to_frame`; None where missing."""
    lines = csv.reader(io.StringIO(text, newline=""))
    names = next(lines)
    rows = list(lines)
    columns: dict[str, list[Any]] = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    for name in ("trial_index", "block", "repetition"):
        columns[name] = list(map(int, columns[name]))
    for name in ("reference", "expected"):
        columns[name] = [value or None for value in columns[name]]
    return columns


def read_plan_frame(text: str) -> pd.DataFrame:
    """Read a plan that `Plan.to_csv` wrote, from its text.

    Returns
    -------
    DataFrame
        As `Plan.to_frame`.
    """
    integers = ("trial_index", "block", "repetition")
    return pd.DataFrame(
        {
            name: pd.array(values, dtype="int64" if name in integers else "string")
            for name, values in plan_columns(text).items()
        }
    )


def with_pairs(plan: pd.DataFrame, pairs: Mapping[int, Mapping[str, Any]]) -> pd.DataFrame:
    """Return a plan's table with the pairs that were chosen while its session ran.

    Parameters
    ----------
    plan : DataFrame
        From `read_plan_frame`.
    pairs : mapping
        By trial index: ``trial, left, right, presentation_order``.
    """
    if not pairs:
        return plan
    columns = ["trial", "left", "right", "presentation_order"]
    chosen = pd.DataFrame(list(pairs.values()), index=pd.Index(list(pairs)), columns=columns, dtype="string")
    changed = plan.set_index("trial_index", drop=False)
    changed.loc[chosen.index, columns] = chosen
    return changed.reset_index(drop=True)


def trials_of(frame: pd.DataFrame) -> list[Trial]:
    """Turn rows of a plan's table back into trials."""
    records = frame.rename(columns={"trial": "id", "trial_index": "index"})
    columns = [field.name for field in fields(Trial)]
    missing_to_none = records[columns].astype(object).where(records[columns].notna(), None)
    return [Trial(*row) for row in missing_to_none.itertuples(index=False, name=None)]
