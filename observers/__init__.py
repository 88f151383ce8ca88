"""Everyone who answers: the contract, the registry, and the observers that need nothing installed."""

from visavis.experiments import Capabilities, Observer, ObserverError, Response, Trial

from .configurable import ConfigurableObserver, ObserverOptions
from .metrics import MetricObserver, MetricOptions
from .registry import ObserverInfo, available_observers, create_observer
from .simulated import SimulatedObserver, SimulatedOptions

__all__ = [
    "Capabilities",
    "ConfigurableObserver",
    "MetricObserver",
    "MetricOptions",
    "Observer",
    "ObserverError",
    "ObserverInfo",
    "ObserverOptions",
    "Response",
    "SimulatedObserver",
    "SimulatedOptions",
    "Trial",
    "available_observers",
    "create_observer",
]
