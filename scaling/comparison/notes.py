"""What should be known of the data before any result is read."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from visavis.scaling.study.study import Study


def data_notes(study: Study) -> Iterator[str]:
    """Give what should be known of who answered, and what."""
    people, trials = study.people, study.main
    if not people:
        yield (
            "there are no people among the observers, so nothing is compared with people: name them by --people "
            "(in Python: people=)"
        )
    if not study.models and (study.of_people["observer_kind"] != "human").any():
        yield "everyone counts as people, so there is no model to compare"
    if len(people) == 1:
        yield "there is one person only, so there is no ceiling"
    if len(study.scenes) == 1:
        yield "there is one scene only, so there are no intervals over scenes"
    kinds = study.of_people.groupby("observer")["observer_kind"].first()
    others = kinds[~kinds.isin(["human", "unknown"])]
    if len(others):
        found = ", ".join(sorted(set(others)))
        yield f"{len(others)} of the {len(people)} people are not human ({found}): they were named as people"
    unnamed = sorted(set(trials.loc[trials["observer_kind"] == "human", "observer"]) - set(people))
    if unnamed:
        yield (
            f"{', '.join(unnamed)}: human, but counted as model{'s' if len(unnamed) > 1 else ''}: to count as people "
            "they must be named by --people too (in Python: people=)"
        )
    if trials["definition_sha256"].nunique() > 1:
        yield f"the sessions ran {trials['definition_sha256'].nunique()} different definitions"
    yield from _lost(study)
    yield from _uncompared(study)


def _lost(study: Study) -> Iterator[str]:
    """Give who did not always choose."""
    trials = study.main
    unusable = trials[~trials["outcome"].isin(["choice", "tie"])].groupby("observer").size()
    total = trials.groupby("observer").size()
    lost = [f"{unusable[name]} of {total[name]}" for name in unusable.index]
    if len(lost) == 1:
        yield f"{unusable.index[0]}: {lost[0]} trials gave no choice and are not scaled"
    elif lost:
        each = ", ".join(f"{name} {count}" for name, count in zip(unusable.index, lost, strict=True))
        yield f"trials that gave no choice and are not scaled: {each}"


def _uncompared(study: Study) -> Iterator[str]:
    """Give where a rendition was compared by no one, so that it has no value there."""
    chosen = study.main[study.main["choice"].notna()]
    there = pd.concat([chosen[["scene", side]].set_axis(["scene", "item"], axis=1) for side in ("left", "right")])
    counts = there.drop_duplicates().groupby("scene").size()
    lacking = [str(scene) for scene in counts.index[counts < len(study.items)]]
    if lacking:
        named = ", ".join(lacking[:5]) + (", …" if len(lacking) > 5 else "")
        yield (
            f"in {len(lacking)} of {len(counts)} scenes ({named}) some renditions were compared by no one, so they "
            "have no value there"
        )
