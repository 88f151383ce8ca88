"""The metrics that are known by name, and functions that are named by their module.

Every metric is given exact sRGB pixels, 8 bits a channel, at the size of the file; what it makes of them is its own.
Those of other packages carry their formulas and weights with them: nothing is downloaded.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from visavis.experiments import ObserverError
from visavis.stimuli import STATISTICS, Pixels, encode_png

EXTRA = "metrics"


@dataclass(frozen=True)
class Metric:
    """One number for an image, or for an image beside its reference.

    Attributes
    ----------
    name : str
    function : callable
        ``function(pixels)``, or ``function(pixels, reference)``, with sRGB uint8 arrays of shape (height, width, 3).
    takes_reference : bool
    lower_is_better : bool
        Whether the image with the lower value is the better one.
    source : str
        Who defined it, and what its values mean.
    package : str
        The package that computes it, as it is installed; empty where it is visavis's own.
    module : str
        That package's import name.
    """

    name: str
    function: Callable[..., float]
    takes_reference: bool = False
    lower_is_better: bool = False
    source: str = ""
    package: str = ""
    module: str = ""

    def describe(self) -> dict[str, Any]:
        """Return what identifies this measure in a session's record."""
        try:
            package = f"{self.package} {version(self.package)}" if self.package else ""
        except PackageNotFoundError:
            package = self.package
        return {"name": self.name, "takes_reference": self.takes_reference, "package": package}

    def check_installed(self) -> None:
        """Raise ObserverError where the package that computes it is not installed."""
        if self.module and importlib.util.find_spec(self.module) is None:
            raise ObserverError(f"metric {self.name!r} needs {self.package}: pip install 'visavis[{EXTRA}]'")


def ssim(pixels: Pixels, reference: Pixels) -> float:
    """Return the mean structural similarity of luma (ITU-R BT.601), at most 1, by Wang et al. (2004), section III.C.

    With their Gaussian window of 11 pixels and a standard deviation of 1.5, at the image's own size.
    """
    from skimage.metrics import structural_similarity

    weights = np.array([0.299, 0.587, 0.114])
    return float(
        structural_similarity(
            reference @ weights,
            pixels @ weights,
            data_range=255,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
    )


def psnr(pixels: Pixels, reference: Pixels) -> float:
    """Return the peak signal-to-noise ratio over all channels in dB: infinite for the reference itself."""
    error = float(np.mean((pixels.astype(np.float64) - reference) ** 2))
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


def ssimulacra2(pixels: Pixels, reference: Pixels) -> float:
    """Return SSIMULACRA 2.1 (Sneyers, 2023): 100 for the reference itself, 90 visually lossless, below 30 bad."""
    from ssimulacra2 import compute_ssimulacra2

    return float(compute_ssimulacra2(io.BytesIO(encode_png(reference)), io.BytesIO(encode_png(pixels))))


def flip(pixels: Pixels, reference: Pixels) -> float:
    """Return mean LDR-FLIP (Andersson et al., 2020) at 67 pixels per degree, from 0 (the reference itself) to 1."""
    import flip_evaluator

    images = [np.ascontiguousarray(image, dtype=np.float32) / 255 for image in (reference, pixels)]
    return float(flip_evaluator.evaluate(*images, "LDR", applyMagma=False)[1])


def brisque(pixels: Pixels) -> float:
    """Return BRISQUE (Mittal et al., 2012), about 0 (undistorted) to 100, with the weights of its authors."""
    with warnings.catch_warnings():  # of names in SciPy that the package still uses
        warnings.simplefilter("ignore", DeprecationWarning)
        return float(np.squeeze(_brisque().score(pixels)))


@lru_cache(maxsize=1)
def _brisque() -> Any:
    from brisque import BRISQUE

    return BRISQUE()


def piqe(pixels: Pixels) -> float:
    """Return PIQE (Venkatanath et al., 2015), 0 (undistorted) to 100."""
    from pypiqe import piqe as compute

    return float(compute(pixels)[0])


_STATISTICS = [Metric(name, function) for name, function in STATISTICS.items()]
_OTHERS = [
    Metric("ssim", ssim, True, False, "Wang et al. (2004)", "scikit-image", "skimage"),
    Metric("psnr", psnr, True, False, "dB over all channels"),
    Metric("ssimulacra2", ssimulacra2, True, False, "Sneyers (2023)", "ssimulacra2", "ssimulacra2"),
    Metric("flip", flip, True, True, "Andersson et al. (2020), 67 px/degree", "flip-evaluator", "flip_evaluator"),
    Metric("brisque", brisque, False, True, "Mittal et al. (2012)", "brisque", "brisque"),
    Metric("piqe", piqe, False, True, "Venkatanath et al. (2015)", "pypiqe", "pypiqe"),
]

METRICS: dict[str, Metric] = {metric.name: metric for metric in (*_STATISTICS, *_OTHERS)}
"""Every metric that is known by name."""


def find_metric(name: str) -> Metric:
    """Return the metric of a name, or of a function named as ``package.module:function``.

    Raises
    ------
    ObserverError
        If there is no such metric, its package is not installed, or the function cannot be imported or called.
    """
    if name in METRICS:
        METRICS[name].check_installed()
        return METRICS[name]
    module, _, attribute = name.partition(":")
    if not attribute:
        raise ObserverError(
            f"unknown metric {name!r}: choose from {', '.join(METRICS)}, or name a function as package.module:function"
        )
    try:
        function: Any = importlib.import_module(module)
        for part in attribute.split("."):
            function = getattr(function, part)
    except Exception as error:  # a module may raise whatever it likes while it is imported
        raise ObserverError(
            f"metric {name!r} cannot be imported ({type(error).__name__}: {error}): install its package, "
            "or put its folder on PYTHONPATH"
        ) from error
    return as_metric(function, name, package=module.partition(".")[0])


def as_metric(function: Any, name: str = "", package: str = "") -> Metric:
    """Return a function as a metric; it takes the reference if it has a second parameter without a default.

    Raises
    ------
    ObserverError
        If it cannot be called with an image, or with an image and its reference.
    """
    if isinstance(function, Metric):
        return function
    name = name or getattr(function, "__qualname__", repr(function))
    if not callable(function):
        raise ObserverError(f"metric {name!r} is not a function: name a function of an image, or of it and a reference")
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a built-in function, of C say
        return Metric(name, function, package=package)
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    starred = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    if len(needed) > 2 or any(p.kind is p.KEYWORD_ONLY for p in needed) or not (positional or starred):
        raise ObserverError(
            f"metric {name!r} must take an image, or an image and its reference, and nothing else without a default"
        )
    return Metric(name, function, takes_reference=len(needed) == 2, package=package)
