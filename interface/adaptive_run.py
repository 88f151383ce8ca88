"""The ``run`` that people call: the experiments' own, with scaling's sampler for adaptive pairs.

The rooms of experiments and scaling do not know each other, so they are brought together here.
"""

from __future__ import annotations

import functools
from typing import Any

from visavis.experiments import RunResult
from visavis.experiments import run as run_with


@functools.wraps(run_with)
def run(*arguments: Any, **options: Any) -> RunResult:
    """Run, pairs chosen by `ActiveSampler` where nothing else is given."""
    options.setdefault("make_sampler", _make_sampler)
    return run_with(*arguments, **options)


def _make_sampler(items: tuple[str, ...]) -> Any:
    from visavis.scaling import ActiveSampler

    return ActiveSampler(items)
