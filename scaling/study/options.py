"""Every choice that the comparison leaves open, recorded with the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from visavis.scaling.errors import ScalingError
from visavis.scaling.intervals import DEFAULT, Resampling
from visavis.scaling.scales.least_squares import Correction
from visavis.scaling.scales.links import ModelName
from visavis.scaling.scales.scale import DEFAULT_PRIOR_SD, Method

PEOPLE = "people"
"""Name of all people taken together, in the column ``observer`` of a comparison's tables."""


Mode = Literal["aggregate", "pooled", "per_scene_mean"]
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True)
class ScreeningRule:
    """Who is left out, and by which limits; recorded with the result. None: this criterion is not used.

    Attributes
    ----------
    max_invalid : float or None
        Share of main trials without a choice.
    max_disagreement : float or None
        Share of pairs of repetitions answered differently; 0.5 is a coin's.
    min_catch : float or None
        Share of catch trials answered as expected.
    max_out_of_line : float or None
        Score of `leave_one_out_likelihood`.

    Raises
    ------
    ScalingError
        For a share outside 0 to 1.
    """

    max_invalid: float | None = 0.1
    max_disagreement: float | None = 0.4
    min_catch: float | None = 0.75
    max_out_of_line: float | None = None

    def __post_init__(self) -> None:
        for name in ("max_invalid", "max_disagreement", "min_catch"):
            share = getattr(self, name)
            if share is not None and not 0 <= share <= 1:
                meant = f": {share:g} % is {share / 100:g}" if 1 < share <= 100 else ""
                raise ScalingError(f"{name} is {share:g}, expected a share from 0 to 1{meant}")
        if self.max_out_of_line is not None and not np.isfinite(self.max_out_of_line):
            raise ScalingError(f"max_out_of_line is {self.max_out_of_line:g}, expected a finite score")


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
    equivalence_margin : float
        Gap in accuracy, in (0, 1), within which a model counts as being as like people as people are.
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
    lapse: float = 0.0
    equivalence_margin: float = 0.05
    target: str = "preference"
    screening: ScreeningRule | None = None

    def __post_init__(self) -> None:
        if self.rho_mode not in MODES:
            raise ScalingError(f"unknown mode {self.rho_mode!r} of ρ; choose from {', '.join(MODES)}")
        if self.resampling.method == "bca":
            raise ScalingError("a comparison has no BCa intervals: choose 'expanded' or 'percentile'")
        if not 0 < self.equivalence_margin < 1:
            raise ScalingError(f"equivalence_margin must be between 0 and 1, not {self.equivalence_margin}")
        if not 0 <= self.lapse < 1:
            raise ScalingError(f"lapse must be a share from 0 to less than 1, not {self.lapse}")

    @property
    def level(self) -> float:
        """Of every interval."""
        return self.resampling.level

    @property
    def for_scaling(self) -> dict[str, Any]:
        """The options of `fit_scale`."""
        names = ("model", "method", "prior_sd", "correction")
        return {name: getattr(self, name) for name in names}
