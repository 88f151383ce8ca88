"""What in imported choices may not be as it was understood."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pandas as pd

from visavis.base.near import fold

from .layout import Layout

_LONG_S = 60
_ONE_SIDED = 20
_SCENES = 3


def doubts_of(trials: pd.DataFrame, layout: Layout) -> Iterator[str]:
    """Yield each doubt with its remedy.

    Parameters
    ----------
    trials : DataFrame
    layout : Layout
        As which they were understood.
    """
    times = trials["response_time_s"].dropna()
    if layout.unit == "s" and len(times) and times.median() > _LONG_S:
        yield f"half of the response times are over {_LONG_S} s: where they are milliseconds, say --unit ms"
    yield from _one_side(trials)
    for name in ("observer", "scene", "attribute"):
        yield from near_names(trials[name], name)
    yield from near_names(pd.concat([trials["left"], trials["right"]]), "item")
    yield from _items_of_one_scene(trials)
    yield from _islands(trials)


def not_choices(trials: pd.DataFrame) -> Iterator[str]:
    """Say how many rows hold no answer, from which line, and what they hold; their outcome says so too."""
    unclear = trials.loc[trials["outcome"] == "invalid", "provenance"].map(json.loads)
    if len(unclear):
        held = list(dict.fromkeys(one["answer"] for one in unclear))
        shown = ", ".join(map(repr, held[:10])) + (", …" if len(held) > 10 else "")
        yield f"{len(unclear)} are not choices (from line {unclear.iloc[0]['line']}): {shown}"


def _one_side(trials: pd.DataFrame) -> Iterator[str]:
    sides = trials.loc[trials["outcome"] == "choice", "choice"]
    if len(sides) >= _ONE_SIDED and sides.nunique() == 1:
        side = sides.iloc[0]
        yield (f"all {len(sides)} choices are of the {side} image: where that is the winner, say winner= and loser=")


def near_names(names: pd.Series, what: str) -> Iterator[str]:
    """Say which names of one kind differ in what readers do not see."""
    spellings: dict[str, set[str]] = {}
    for name in names.dropna().unique():
        spellings.setdefault(fold(name), set()).add(name)
    for same in spellings.values():
        if len(same) > 1:
            shown = ", ".join(map(ascii, sorted(same)))
            yield f"{what} names {shown} differ in capitals, width or invisible characters alone, and count as two"


def _items_of_one_scene(trials: pd.DataFrame) -> Iterator[str]:
    """Say where no item occurs in two scenes, as in data sets that name conditions by file."""
    main = trials[trials["phase"] == "main"]
    long = pd.concat([main[["scene", side]].set_axis(["scene", "item"], axis=1) for side in ("left", "right")])
    pairs = long.drop_duplicates()
    if pairs["scene"].nunique() < _SCENES or pairs["item"].duplicated().any():
        return
    rule = _rule_of(pairs)
    hint = (
        f": where they name files, say --split '{rule}', so that conditions have one name in all scenes" if rule else ""
    )
    yield f"every item occurs in one scene only, so nothing can be averaged over scenes by item{hint}"


def _rule_of(pairs: pd.DataFrame) -> str:
    """Return the rule by which items' names begin with their scenes'; empty if they do not."""
    divides = {
        match[1]
        for scene, item in pairs.itertuples(index=False)
        if (match := re.match(rf"(?:.*/)?{re.escape(scene)}([_/\-. ])[^/]+$", item))
    }
    whole = all(
        re.match(rf"(?:.*/)?{re.escape(scene)}[_/\-. ][^/]+$", item) for scene, item in pairs.itertuples(index=False)
    )
    if not whole or len(divides) != 1:
        return ""
    ended = pairs["item"].str.contains(r"\.[A-Za-z]{3,4}$").all()
    return f"{{scene}}{divides.pop()}{{rendition}}{'.{ext}' if ended else ''}"


def _islands(trials: pd.DataFrame) -> Iterator[str]:
    """Say which scenes fall into parts that no comparison connects."""
    answered = trials[(trials["phase"] == "main") & trials["choice"].notna()]
    pairs = answered[["attribute", "scene", "left", "right"]].drop_duplicates()
    apart = []
    groups = pairs.groupby(["attribute", "scene"], sort=False)
    for (attribute, scene), part in groups:
        root: dict[str, str] = {}

        def find(item: str, root: dict[str, str] = root) -> str:
            while root.setdefault(item, item) != item:
                item = root[item]
            return item

        for left, right in part[["left", "right"]].itertuples(index=False):
            root[find(left)] = find(right)
        count = len({find(item) for item in list(root)})
        if count > 1:
            apart.append((attribute, scene, count))
    if apart:
        attribute, scene, count = apart[0]
        yield (
            f"in {len(apart)} of {groups.ngroups} scene(s) not all items are connected by comparisons (first: "
            f"{attribute}, scene {scene!r}, {count} islands): values of different islands cannot be compared"
        )
