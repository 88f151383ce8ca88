"""The truth about time: which frames were late, how long each element was asked for and was shown.

Rules of this file: pure. Every frame of a trial is drawn and flipped, so that an interval between two flips of more
than one and a half refreshes is a frame that came late, whatever is on the screen.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

LATE = 1.5
"""Refreshes between two flips from which on the second is late."""
PLAUSIBLE_HZ = 20.0, 600.0
_IN_STEP = 0.6
"""Least agreement of flips with one period, from 0 to 1, of a display with vertical sync."""
FALLBACK_HZ = 60.0


@dataclass(frozen=True)
class Refresh:
    """How often a display shows a new frame.

    Attributes
    ----------
    measured_hz : float
        From the intervals between flips.
    synchronised : bool
        Whether flips wait for the display. Without it flips return at once, whenever the machine has drawn.
    """

    measured_hz: float
    synchronised: bool

    @property
    def hz(self) -> float:
        """The rate that frames are shown at; where the display sets none, frames are shown at 60 Hz by the clock."""
        return self.measured_hz if self.synchronised else FALLBACK_HZ

    def problem(self) -> str:
        """Return what to say of a rate that cannot be true; empty where it can."""
        if self.synchronised:
            return ""
        return (
            f"the display does not wait for its refresh ({self.measured_hz:.0f} frames/s, no steady rate): frames are "
            f"shown at {FALLBACK_HZ:g} Hz by the computer's clock, and exposures are not exact: switch on vertical "
            "sync in the settings of the graphics driver"
        )


def judge_refresh(flips: Sequence[float]) -> Refresh:
    """Return the refresh of a display that flipped at these moments as fast as it could, in seconds.

    Flips that wait for the display keep in step with one period, however long some of them take: the length of the mean
    of ``exp(2πi · flip / period)`` is near 1. A rate below 20 or above 600 Hz is not that of a display.
    """
    moments = np.asarray(flips) - flips[0]
    median = float(np.median(np.diff(moments)))
    periods = median * np.linspace(0.96, 1.04, 321)
    in_step = np.abs(np.exp(2j * np.pi * moments / periods[:, None]).mean(axis=1))
    best = int(in_step.argmax())
    hz = 1 / float(periods[best]) if in_step[best] > _IN_STEP else 1 / median
    return Refresh(hz, PLAUSIBLE_HZ[0] <= hz <= PLAUSIBLE_HZ[1] and bool(in_step[best] > _IN_STEP))


def frame_record(flips: Sequence[float], refresh_hz: float) -> dict[str, Any]:
    """Return ``frames``, ``median_ms``, ``longest_ms`` and ``late`` of consecutive flips, in seconds."""
    intervals = [1000 * (after - before) for before, after in pairwise(flips)]
    if not intervals:
        return {"frames": len(flips), "late": 0}
    return {
        "frames": len(flips),
        "median_ms": round(statistics.median(intervals), 3),
        "longest_ms": round(max(intervals), 3),
        "late": sum(interval > LATE * 1000 / refresh_hz for interval in intervals),
    }


def shown_record(name: str, asked_s: float, shown_s: float) -> dict[str, Any]:
    """Return the record of an element of a trial: how long it was asked for, and how long it was shown."""
    return {"name": name, "asked_ms": round(1000 * asked_s, 3), "shown_ms": round(1000 * shown_s, 3)}


def timing_line(screen: Mapping[str, Any], provenances: Sequence[Mapping[str, Any]]) -> str:
    """Return the timing of a session in one line; empty where nothing is known of it.

    Parameters
    ----------
    screen : mapping
        What the log has of the screen.
    provenances : sequence of mapping
        Of each answered trial.
    """
    parts = []
    if "refresh_hz" in screen:
        synchronised = "" if screen.get("vertical_sync", True) else " (no vertical sync)"
        parts.append(f"{screen['refresh_hz']:.4g} Hz{synchronised}")
    frames = [record["frames"] for record in provenances if "late" in record.get("frames", {})]
    if frames:
        parts.append(f"{sum(frame['late'] for frame in frames)} of {sum(f['frames'] for f in frames)} frames late")
    by_name: dict[tuple[str, float], list[float]] = {}
    for record in provenances:
        for element in record.get("timeline", ()):
            if element["name"] != "interval":
                by_name.setdefault((element["name"], element["asked_ms"]), []).append(element["shown_ms"])
    for (name, asked), shown in by_name.items():
        parts.append(f"{name} {asked:.0f} ms asked, {_range(shown)} shown")
    late = [record["time_uncertainty_ms"] for record in provenances if "time_uncertainty_ms" in record]
    if late:
        parts.append(f"answers up to {max(late):.1f} ms early (pointer)")
    return "; ".join(parts)


def _range(values: Sequence[float]) -> str:
    low, high = f"{min(values):.0f}", f"{max(values):.0f}"
    return f"{low} ms" if low == high else f"{low}–{high} ms"
