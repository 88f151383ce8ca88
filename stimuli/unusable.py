"""The error of a file that has no one right sRGB array."""

from __future__ import annotations


class UnusableImage(ValueError):
    """An image file that has no one right sRGB array; the message says why and what to do, without the file's name."""
