"""visavis: one experiment definition for people and vision-language models.

The names below are the public ones; each is loaded when it is first used, so that ``import visavis`` stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visavis.experiments import COLUMNS as COLUMNS
    from visavis.experiments import Capabilities as Capabilities
    from visavis.experiments import Definition as Definition
    from visavis.experiments import DefinitionError as DefinitionError
    from visavis.experiments import Experiment as Experiment
    from visavis.experiments import Observer as Observer
    from visavis.experiments import ObserverError as ObserverError
    from visavis.experiments import Plan as Plan
    from visavis.experiments import Response as Response
    from visavis.experiments import RunResult as RunResult
    from visavis.experiments import SessionError as SessionError
    from visavis.experiments import Trial as Trial
    from visavis.experiments import definition_schema as definition_schema
    from visavis.experiments import load_trials as load_trials
    from visavis.experiments import run as run
    from visavis.observers import available_observers as available_observers
    from visavis.observers import create_observer as create_observer
    from visavis.scaling import ScalingError as ScalingError
    from visavis.scaling import compare as compare
    from visavis.scaling import count_choices as count_choices
    from visavis.scaling import fit_scale as fit_scale
    from visavis.scaling import write_report as write_report
    from visavis.stimuli import Stimulus as Stimulus
    from visavis.stimuli import StimulusError as StimulusError
    from visavis.stimuli import StimulusSet as StimulusSet

_HOMES = {
    "visavis.experiments": (
        "COLUMNS",
        "Capabilities",
        "Definition",
        "DefinitionError",
        "Experiment",
        "Observer",
        "ObserverError",
        "Plan",
        "Response",
        "RunResult",
        "SessionError",
        "Trial",
        "definition_schema",
        "load_trials",
    ),
    "visavis.observers": ("available_observers", "create_observer"),
    "visavis.adaptive_run": ("run",),
    "visavis.scaling": ("ScalingError", "compare", "count_choices", "fit_scale", "write_report"),
    "visavis.stimuli": ("Stimulus", "StimulusError", "StimulusSet"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("visavis")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'visavis' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return [*__all__, *(name for name in globals() if name.startswith("__"))]
