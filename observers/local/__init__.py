"""Open-weight models on this machine, through transformers."""

from .local_options import LocalOptions
from .transformers_observer import TransformersObserver

__all__ = ["LocalOptions", "TransformersObserver"]
