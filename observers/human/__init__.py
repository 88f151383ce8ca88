"""People at a PsychoPy window."""

from .human_observer import HumanObserver
from .human_options import HumanOptions

__all__ = ["HumanObserver", "HumanOptions"]
