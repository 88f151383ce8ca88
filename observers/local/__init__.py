"""Open-weight models on this machine, through transformers."""

from .observer import TransformersObserver
from .options import LocalOptions

__all__ = ["LocalOptions", "TransformersObserver"]
