"""Scale values, their uncertainty, consistency and comparison, from the trials table alone."""

from .agreement.ceilings import ChoiceCeilings, choice_ceilings, leave_one_out_rho
from .agreement.differences import rho_differences
from .agreement.error_consistency import Detection, error_consistency, largest_error_consistency, stress, two_afc
from .agreement.pair_by_pair import pairwise_agreement
from .agreement.rho import Rho, bootstrap_rho, rho
from .agreement.scene_scales import scene_scales
from .agreement.separability import separability
from .comparison.analyses import ANALYSES, describe_tables
from .comparison.attribute_weights import Weights, attribute_weights, preference_weights, weights_from_correlations
from .comparison.compare import compare
from .comparison.screening import leave_one_out_likelihood, screen
from .comparison.sensitivity import SENSITIVITY, VARIANTS, sensitivity
from .comparison.weight_differences import weight_differences
from .counts import Counts, count_choices
from .design.active import ActiveSampler, expected_information, expected_shrinkage
from .design.power import Design, choices_for_power, montag_standard_error, observers_needed, simulate_power
from .errors import ScalingError
from .intervals import Resampling
from .report.figures import figures
from .report.report import comparison_json, report_html, write_report
from .report.sections import printed_tables
from .scales.bootstrap import Bootstrap, bootstrap_scale
from .scales.by_group import fit_groups
from .scales.goodness_of_fit import Fit, deviance, mosteller
from .scales.item_tests import compare_items
from .scales.latent_classes import LatentClasses, fit_latent_classes
from .scales.one_scale import OneScale, SingleScale
from .scales.order_effect import OrderEffect, count_by_order, counts_of_orders, fit_order_effect
from .scales.population import PopulationScale, fit_population
from .scales.prior import estimate_prior_sd
from .scales.scale import JOD_PER_SD, METHODS, Scale, fit_scale
from .scales.separation import describe_separation, has_maximum, is_connected
from .scales.sparse import ChoiceList, SparseScale, fit_sparse, list_choices
from .scales.ties import TieScale, fit_ties
from .study.analysis import Analysis, Column, Drawing, Note, with_interval
from .study.options import PEOPLE, Options, ScreeningRule
from .study.result import Comparison
from .study.study import Study
from .variability.between import vr_between, vr_matrix
from .variability.consistency import (
    Agreement,
    CircularTriads,
    Transitivity,
    circular_triads,
    kendall_u,
    kendall_w,
    transitivity,
    triads_from_scores,
)
from .variability.side_bias import side_bias
from .variability.vr_differences import vr_differences
from .variability.within import vr_within

__all__ = [
    "ANALYSES",
    "JOD_PER_SD",
    "METHODS",
    "PEOPLE",
    "SENSITIVITY",
    "VARIANTS",
    "ActiveSampler",
    "Agreement",
    "Analysis",
    "Bootstrap",
    "ChoiceCeilings",
    "ChoiceList",
    "CircularTriads",
    "Column",
    "Comparison",
    "Counts",
    "Design",
    "Detection",
    "Drawing",
    "Fit",
    "LatentClasses",
    "Note",
    "OneScale",
    "Options",
    "OrderEffect",
    "PopulationScale",
    "Resampling",
    "Rho",
    "Scale",
    "ScalingError",
    "ScreeningRule",
    "SingleScale",
    "SparseScale",
    "Study",
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
    "counts_of_orders",
    "describe_separation",
    "describe_tables",
    "deviance",
    "error_consistency",
    "estimate_prior_sd",
    "expected_information",
    "expected_shrinkage",
    "figures",
    "fit_groups",
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
    "printed_tables",
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
    "vr_differences",
    "vr_matrix",
    "vr_within",
    "weight_differences",
    "weights_from_correlations",
    "with_interval",
    "write_report",
]
