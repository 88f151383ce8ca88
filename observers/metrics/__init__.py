"""Measures of images as observers: statistics, metrics with and without a reference, and any other function."""

from .catalogue import METRICS, Metric, find_metric
from .observer import MetricObserver, MetricOptions

__all__ = ["METRICS", "Metric", "MetricObserver", "MetricOptions", "find_metric"]
