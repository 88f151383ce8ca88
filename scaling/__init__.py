"""Scale values, their uncertainty, consistency and comparison, from the trials table alone."""

from .alignment import Rho, bootstrap_rho, leave_one_out_rho, rho, scene_scales
from .bootstrap import Bootstrap, bootstrap_scale
from .comparison import PEOPLE, Comparison, Options, compare
from .connectivity import describe_separation, has_maximum, is_connected
from .counts import Counts, count_choices
from .errors import ScalingError
from .report import comparison_json, report_html, write_report
from .scale import JOD_PER_SD, METHODS, Scale, fit_scale
from .variability import vr_between, vr_matrix, vr_within

__all__ = [
    "JOD_PER_SD",
    "METHODS",
    "PEOPLE",
    "Bootstrap",
    "Comparison",
    "Counts",
    "Options",
    "Rho",
    "Scale",
    "ScalingError",
    "bootstrap_rho",
    "bootstrap_scale",
    "compare",
    "comparison_json",
    "count_choices",
    "describe_separation",
    "fit_scale",
    "has_maximum",
    "is_connected",
    "leave_one_out_rho",
    "report_html",
    "rho",
    "scene_scales",
    "vr_between",
    "vr_matrix",
    "vr_within",
    "write_report",
]
