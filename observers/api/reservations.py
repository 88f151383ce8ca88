"""Money that requests under way may cost, on the disk before they are sent, so that a killed program forgets none.

A line is written before each request. It is settled by the response that names it in the session's log, which is one
write; what no response names when the session is resumed was lost with the program, and counts at its most.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from visavis.base.files import sync
from visavis.experiments import ObserverError

FILE = "reservations.jsonl"


class Reservations:
    """The reservations of one session.

    Parameters
    ----------
    folder : Path or None
        The session's; None keeps them in memory alone.
    events : iterable of mapping
        The session's log, which names what is settled.
    """

    def __init__(self, folder: Path | None, events: Iterable[Mapping[str, Any]] = ()) -> None:
        self._path = None if folder is None else folder / FILE
        self._run = secrets.token_hex(4)
        self._count = 0
        self._lock = threading.Lock()
        self._file: int | None = None
        settled = {
            name for event in events for name in (event.get("provenance") or {}).get("reservations", ())
        }  # fmt: skip
        self._open: dict[str, dict[str, float]] = {}
        for line in self._lines():
            if "release" in line:
                settled.add(line["release"])
        for line in self._lines():
            if "reserve" in line and line["reserve"] not in settled:
                self._open.setdefault(line["trial"], {})[line["reserve"]] = float(line["usd"])

    @property
    def lost_usd(self) -> float:
        """What requests may have cost that an earlier run never saw the end of."""
        return sum(sum(amounts.values()) for amounts in self._open.values())

    def take(self, trial: str) -> dict[str, float]:
        """Return, once, what earlier requests of a trial may have cost, by reservation: its response settles them."""
        with self._lock:
            return self._open.pop(trial, {})

    def reserve(self, trial: str, usd: float) -> str:
        """Write down what a request may cost; when this returns, it survives the program and a power cut.

        Raises
        ------
        ObserverError
            If it cannot be written.
        """
        with self._lock:
            self._count += 1
            name = f"{self._run}-{self._count}"
            self._append({"reserve": name, "trial": trial, "usd": usd})
            if self._file is not None:
                sync(self._file)
        return name

    def release(self, name: str) -> None:
        """Write down that a request was refused and costs nothing."""
        with self._lock:
            self._append({"release": name})

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _append(self, line: Mapping[str, Any]) -> None:
        if self._path is None:
            return
        try:
            if self._file is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
                self._file = os.open(self._path, flags, 0o644)
                os.write(self._file, b"\n")  # a line that a crash tore ends here
            os.write(self._file, json.dumps(line, separators=(",", ":")).encode() + b"\n")
        except OSError as error:
            raise ObserverError(
                f"{self._path}: cannot be written ({error.strerror}), and without it the budget is not safe"
            ) from error

    def _lines(self) -> list[dict[str, Any]]:
        if self._path is None or not self._path.exists():
            return []
        lines = []
        for text in self._path.read_text(encoding="utf-8").splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                continue  # torn: its request was not sent
            if isinstance(line, dict):
                lines.append(line)
        return lines
