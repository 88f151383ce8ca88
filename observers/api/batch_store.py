"""The record of a session's batches, ``batches.json`` in its folder: on the disk before anything is submitted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from visavis.base.files import atomic_write
from visavis.experiments import ObserverError

STATE = "batches.json"

BatchState = Literal["submitting", "submitted", "collected", "failed", "lost"]
_FORMER = {"handing in": "submitting", "open": "submitted"}
"""Names of the states in records of version 0.1.0's beginnings."""


@dataclass
class BatchRecord:
    """One batch.

    Attributes
    ----------
    batch : str or None
        The provider's id, or the file's stem; None while it is not known.
    mark : str
        By which it is found where a crash left it without its id.
    submitted_at : str
        UTC, ISO 8601.
    trials : list of str
        Ids of its requests.
    most_usd : float
        What it can cost at most.
    state : str
        ``submitting`` is written before it goes out, so that a crash in between leaves a trace to find it by, instead
        of a batch that is paid for twice.
    damaged : list of str
        What could not be read of its answers, when they were last fetched.
    """

    batch: str | None
    mark: str
    submitted_at: str
    trials: list[str]
    most_usd: float
    state: BatchState
    damaged: list[str] = field(default_factory=list)


class BatchStore:
    """A session's batches.

    Parameters
    ----------
    folder : Path
        The session's.

    Raises
    ------
    ObserverError
        If the record is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / STATE
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))["batches"]
            self.records = [
                BatchRecord(**{**entry, "state": _FORMER.get(entry["state"], entry["state"])}) for entry in entries
            ]
        except FileNotFoundError:
            self.records = []
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ObserverError(f"{path}: cannot be read ({error}): restore it from a copy") from error

    def __iter__(self) -> Iterator[BatchRecord]:
        return iter([*self.records])

    @property
    def submitted(self) -> list[BatchRecord]:
        """Those that are waited for."""
        return [record for record in self.records if record.state == "submitted"]

    @property
    def ids(self) -> set[str | None]:
        """Ids of all batches."""
        return {record.batch for record in self.records}

    def add(self, record: BatchRecord) -> None:
        """Add a batch; when this returns, it is on the disk."""
        self.records.append(record)
        self.save()

    def remove(self, record: BatchRecord) -> None:
        """Remove a batch that was not submitted."""
        self.records.remove(record)
        self.save()

    def save(self) -> None:
        """Write the record; what was there before stays until the new one is whole and on the disk."""
        text = json.dumps({"batches": [asdict(record) for record in self.records]}, indent=1)
        atomic_write(self.folder / STATE, text, durable=True)
