"""Scale values, their uncertainty, consistency and comparison, from the trials table alone."""

from .active import ActiveSampler, expected_information, expected_shrinkage
from .agreement import pairwise_agreement
from .alignment import Rho, bootstrap_rho, leave_one_out_rho, rho, scene_scales
from .bootstrap import Bootstrap, bootstrap_scale
from .ceilings import ChoiceCeilings, choice_ceilings
from .comparison import Comparison, compare
from .composition import preference_weights
from .connectivity import describe_separation, has_maximum, is_connected
from .consistency import (
    Agreement,
    CircularTriads,
    Transitivity,
    circular_triads,
    kendall_u,
    kendall_w,
    transitivity,
    triads_from_scores,
)
from .counts import Counts, count_choices
from .detection import Detection, error_consistency, largest_error_consistency, stress, two_afc
from .differences import rho_differences
from .errors import ScalingError
from .figures import figures
from .goodness import Fit, deviance, mosteller
from .hierarchical import PopulationScale, fit_population
from .latent_class import LatentClasses, fit_latent_classes
from .options import PEOPLE, Options
from .order import OrderEffect, count_by_order, fit_order_effect
from .pairwise import compare_items
from .planning import Design, choices_for_power, montag_standard_error, observers_needed, simulate_power
from .report import comparison_json, report_html, write_report
from .scale import JOD_PER_SD, METHODS, Scale, fit_scale
from .screening import ScreeningRule, leave_one_out_likelihood, screen
from .sensitivity import VARIANTS, sensitivity
from .separability import separability
from .side_bias import side_bias
from .single import SingleScale
from .sparse import SparseScale, fit_sparse, list_choices
from .ties import TieScale, fit_ties
from .variability import vr_between, vr_matrix, vr_within
from .weights import Weights, attribute_weights, weights_from_correlations

__all__ = [
    "JOD_PER_SD",
    "METHODS",
    "PEOPLE",
    "VARIANTS",
    "ActiveSampler",
    "Agreement",
    "Bootstrap",
    "ChoiceCeilings",
    "CircularTriads",
    "Comparison",
    "Counts",
    "Design",
    "Detection",
    "Fit",
    "LatentClasses",
    "Options",
    "OrderEffect",
    "PopulationScale",
    "Rho",
    "Scale",
    "ScalingError",
    "ScreeningRule",
    "SingleScale",
    "SparseScale",
    "TieScale",
    "Transitivity",
    "Weights",
    "attribute_weights",
    "bootstrap_rho",
    "bootstrap_scale",
    "choice_ceilings",
    "choices_for_power",
    "circular_triads",
    "compare",
    "compare_items",
    "comparison_json",
    "count_by_order",
    "count_choices",
    "describe_separation",
    "deviance",
    "error_consistency",
    "expected_information",
    "expected_shrinkage",
    "figures",
    "fit_latent_classes",
    "fit_order_effect",
    "fit_population",
    "fit_scale",
    "fit_sparse",
    "fit_ties",
    "has_maximum",
    "is_connected",
    "kendall_u",
    "kendall_w",
    "largest_error_consistency",
    "leave_one_out_likelihood",
    "leave_one_out_rho",
    "list_choices",
    "montag_standard_error",
    "mosteller",
    "observers_needed",
    "pairwise_agreement",
    "preference_weights",
    "report_html",
    "rho",
    "rho_differences",
    "scene_scales",
    "screen",
    "sensitivity",
    "separability",
    "side_bias",
    "simulate_power",
    "stress",
    "transitivity",
    "triads_from_scores",
    "two_afc",
    "vr_between",
    "vr_matrix",
    "vr_within",
    "weights_from_correlations",
    "write_report",
]
