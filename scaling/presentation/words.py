"""Words that captions, notes and the methods paragraph share."""

from __future__ import annotations

from collections.abc import Sequence

from visavis.scaling.study.options import Options

MODES = {
    "aggregate": "the mean scale values over scenes",
    "pooled": "the scale values of all scenes and renditions at once",
    "per_scene_mean": "the scale values of each scene, averaged over scenes",
}
"""What ρ is taken of."""


def percent(options: Options) -> str:
    """Return the level of the intervals, such as ``95 %``."""
    return f"{100 * options.level:g} %"


def over_scenes(options: Options) -> str:
    """Return what ρ's intervals are over."""
    return f"resampled scenes{' and people' if options.resample_people else ''}"


def listed(words: Sequence[str], last: str = "and") -> str:
    """Return ``a, b and c``."""
    return f" {last} ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)


def count(n: int, one: str, many: str) -> str:
    """Return a number with its noun."""
    return f"{n:,} {one if n == 1 else many}"
