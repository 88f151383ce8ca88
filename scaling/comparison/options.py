"""Every choice that the comparison leaves open, recorded with the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from visavis.scaling.agreement.rho import MODES, Mode
from visavis.scaling.errors import ScalingError
from visavis.scaling.intervals import DEFAULT, Resampling
from visavis.scaling.scales.least_squares import Correction
from visavis.scaling.scales.links import ModelName
from visavis.scaling.scales.scale import DEFAULT_PRIOR_SD, Method

from .screening import ScreeningRule

PEOPLE = "people"
"""Name of all people taken together, in the column ``observer`` of a comparison's tables."""


@dataclass(frozen=True)
class Options:
    """Every choice that the analysis leaves open; recorded with the result.

    Attributes
    ----------
    model, method, prior_sd, correction
        As for `fit_scale`.
    rho_mode : {'aggregate', 'pooled', 'per_scene_mean'}
    resampling : Resampling
        Of scenes, for every interval.
    resample_people : bool
        Let the intervals of ρ hold for other people too: resample people within the resamples of scenes.
    target : str
        The attribute whose making of the others is asked for.
    screening : ScreeningRule or None
        Leave people out by this rule; None keeps everyone, and the measures are shown all the same.
    """

    model: ModelName = "thurstone"
    method: Method = "map"
    prior_sd: float = DEFAULT_PRIOR_SD
    correction: Correction = "add_half"
    rho_mode: Mode = "aggregate"
    resampling: Resampling = DEFAULT
    resample_people: bool = False
    target: str = "preference"
    screening: ScreeningRule | None = None

    def __post_init__(self) -> None:
        if self.rho_mode not in MODES:
            raise ScalingError(f"unknown mode {self.rho_mode!r} of ρ; choose from {', '.join(MODES)}")
        if self.resampling.method == "bca":
            raise ScalingError("a comparison has no BCa intervals: choose 'expanded' or 'percentile'")

    @property
    def level(self) -> float:
        """Of every interval."""
        return self.resampling.level

    @property
    def for_scaling(self) -> dict[str, Any]:
        """The options of `fit_scale`."""
        names = ("model", "method", "prior_sd", "correction")
        return {name: getattr(self, name) for name in names}
