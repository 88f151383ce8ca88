"""A dry run: the first rows as they were understood, the counts, and every doubt."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from .choices import Imported

_SHOWN = ("observer", "session", "phase", "attribute", "scene", "left", "right", "reference", "outcome", "chosen",
          "response_time_s")  # fmt: skip
_LONGEST = 40


def preview(imported: Imported, rows: int = 10) -> Iterator[str]:
    """Yield what was understood, a line each.

    Parameters
    ----------
    imported : Imported
    rows : int
        How many rows are shown.
    """
    trials = imported.trials
    shown = [name for name in _SHOWN if not trials[name].isna().all()]
    head = trials[shown].head(rows).astype("string").fillna("–")
    head = head.map(lambda text: text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")
    yield from head.to_string(index=False).splitlines()
    yield ""
    items = pd.concat([trials["left"], trials["right"]]).nunique()
    pairs = trials.assign(one=trials[["left", "right"]].min(axis=1), other=trials[["left", "right"]].max(axis=1))[
        ["attribute", "scene", "one", "other"]
    ].drop_duplicates()
    yield f"rows        {len(trials)}: {_counted(trials['outcome'])}"
    yield f"phases      {_counted(trials['phase'])}"
    yield f"choices     {_counted(trials['choice'].dropna())}"
    for name in ("observer", "session", "attribute", "scene"):
        yield f"{name + 's':11} {trials[name].nunique()}: {_listed(trials[name])}"
    yield f"items       {items}: {_listed(pd.concat([trials['left'], trials['right']]))}"
    yield f"pairs       {len(pairs)}, each asked {len(trials) / len(pairs):.3g} times on average"
    times = trials["response_time_s"].dropna()
    if len(times):
        yield f"times       median {times.median():.3g} s, from {times.min():.3g} to {times.max():.3g} s"
    if imported.unread:
        yield f"not read    {', '.join(imported.unread[:20])}{', …' if len(imported.unread) > 20 else ''}"
    for note in imported.notes:
        yield f"note: {note}"
    for doubt in imported.doubts:
        yield f"doubt: {doubt}"


def _counted(values: pd.Series) -> str:
    return ", ".join(f"{count} {value}" for value, count in values.value_counts().items()) or "none"


def _listed(values: pd.Series) -> str:
    names = [text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…" for text in values.dropna().unique()[:7]]
    return ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
