"""A process that begins a session at the same moment as others; importable by processes of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from answering import Scripted

from visavis.experiments import Experiment, SessionError, run


def begin(definition: Path, results: Path, barrier: Any, outcomes: Any) -> None:
    """Run a session once all are ready, and put what came of it into a queue."""
    experiment = Experiment.load(definition)
    barrier.wait()
    try:
        outcomes.put(("ran", run(experiment, Scripted(), results).complete))
    except SessionError as error:
        outcomes.put(("refused", str(error)))
