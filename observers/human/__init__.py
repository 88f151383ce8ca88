"""People at a PsychoPy window."""

from .observer import HumanObserver
from .options import HumanOptions

__all__ = ["HumanObserver", "HumanOptions"]
