"""Batches: hand all questions in at once, come back for the answers later; most providers take half the price.

What was handed in stands in ``batches.json`` in the session's folder, so that the same command first submits and later
collects. With ``batch=file`` nothing is sent: the requests are written to ``batch-1.requests.jsonl`` in OpenAI's form,
which ``vllm run-batch`` takes, and the answers are read from ``batch-1.answers.jsonl``.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from visavis.experiments import ObserverError, Response, Trial, utc_now
from visavis.experiments.session_log import read_events

from .asking import Asked, Asker
from .client import BatchLimits, BatchResult, Body, Client, encode
from .openai_client import batch_lines, read_batch
from .reply import AccessRefused, Reply, RequestRefused, TemporaryFailure

STATE = "batches.json"

Entry = dict[str, Any]
"""``batch`` (the provider's id, or the file's stem), ``mark``, ``submitted_at``, ``trials`` (their ids), ``most_usd``,
``state``."""

HANDING_IN = "handing in"
"""State of a batch whose id is not known yet: written down before it goes out, so that a crash in between leaves a
trace to find it by, instead of a batch that is paid for twice."""


def ask_in_batches(
    asker: Asker, trials: Sequence[Trial], folder: Path | None, mode: Literal["provider", "file"]
) -> Generator[Response, None, str]:
    """Collect what is ready and hand in what was not handed in yet.

    Parameters
    ----------
    asker : Asker
    trials : sequence of Trial
        Those without an answer.
    folder : Path or None
        The session's.
    mode : {'provider', 'file'}

    Yields
    ------
    Response
        For every trial of a batch that is ready.

    Returns
    -------
    str
        What is being waited for; empty if nothing.

    Raises
    ------
    ObserverError
        If a batch failed as a whole or cannot be handed in.
    """
    if folder is None:
        raise ObserverError(f"{asker.name}: batches are kept in a session's folder: use them within a run")
    desk = _FileDesk(folder, asker.servers.client) if mode == "file" else _Desk(asker.servers.client)
    entries = _read_state(folder)
    open_trials = {request_id(asker, trial.id): trial for trial in trials}
    for entry in [*entries]:
        try:
            if entry["state"] == HANDING_IN:
                _find(desk, entry, entries, folder)
            if entry["state"] != "open":
                continue
            results = desk.collect(entry["batch"])
        except (TemporaryFailure, AccessRefused) as error:
            raise ObserverError(
                f"{asker.name}: batch {entry['batch'] or entry['mark']}: {error}: try again later"
            ) from error
        except RequestRefused as error:
            entry["state"] = "failed"
            _write_state(folder, entries)
            raise ObserverError(f"{asker.name}: {error}. The same command hands its trials in again") from error
        if results is None:
            for name in entry["trials"]:
                open_trials.pop(name, None)
            continue
        for name, result in results:
            trial = open_trials.pop(name, None)
            if trial is not None:
                yield _response(asker, trial, result, entry["submitted_at"])
        # Answers to trials that were not asked for now, as with --limit, stay with the provider until they are.
        if {name for name, _ in results} <= _on_disk(asker, folder):
            entry["state"] = "collected"
            _write_state(folder, entries)
    # A trial that its batch did not answer at all is handed in again.
    if open_trials:
        _submit(asker, desk, list(open_trials.values()), entries, folder)
    waiting = [entry for entry in entries if entry["state"] == "open"]
    asked = sum(len(entry["trials"]) for entry in waiting)
    return desk.waiting_for(waiting, asked) if waiting else ""


def _on_disk(asker: Asker, folder: Path) -> set[str]:
    """Return the names of all trials that have a response."""
    return {request_id(asker, event["trial"]) for event in read_events(folder) if event.get("event") == "response"}


def request_id(asker: Asker, trial: str) -> str:
    """Return a trial's name in a batch, in the letters that every provider takes; another session's has another."""
    return hashlib.sha256(json.dumps([asker.name, asker.session, trial]).encode()).hexdigest()[:40]


def split(requests: Iterator[tuple[str, Body]], limits: BatchLimits) -> Iterator[list[tuple[str, Body]]]:
    """Divide requests into batches that a provider takes."""
    batch: list[tuple[str, Body]] = []
    size = 0
    for name, body in requests:
        # Every provider's wrapping of a request takes fewer than these bytes.
        weight = len(encode(body)) + 500
        if batch and (len(batch) == limits.requests or size + weight > limits.megabytes * 1e6):
            yield batch
            batch, size = [], 0
        batch.append((name, body))
        size += weight
    if batch:
        yield batch


class _Desk:
    """Where batches are handed in: the provider's own."""

    def __init__(self, client: Client) -> None:
        if client.batch_limits is None:
            raise ObserverError(f"{client.settings.model}: its provider takes no batches: leave 'batch' out")
        self.client = client
        self.limits: BatchLimits = client.batch_limits

    def mark(self, number: int) -> str:  # noqa: ARG002 - files are numbered
        return f"visavis-{uuid.uuid4().hex}"

    def submit(self, requests: Sequence[tuple[str, Body]], mark: str) -> str:
        return self.client.submit_batch(requests, mark)

    def find(self, entry: Entry, known: Collection[str]) -> str | None:
        # The clocks of two machines differ.
        since = datetime.fromisoformat(entry["submitted_at"]) - timedelta(minutes=5)
        return self.client.find_batch(entry["mark"], since, len(entry["trials"]), known)

    def collect(self, batch: str) -> Sequence[BatchResult] | None:
        return self.client.collect_batch(batch)

    def waiting_for(self, entries: Sequence[Entry], asked: int) -> str:
        return (
            f"{asked} trials are with the provider, in {len(entries)} batch(es): "
            f"{', '.join(entry['batch'] for entry in entries)}. Come back later."
        )


class _FileDesk(_Desk):
    """Where batches are files that another program answers."""

    def __init__(self, folder: Path, client: Client) -> None:
        super().__init__(client)
        url = getattr(client, "batch_url", None)
        if url is None:
            raise ObserverError(f"{client.settings.model}: only OpenAI's form of requests is written to files")
        self.folder = folder
        self.url = str(url)

    def mark(self, number: int) -> str:
        return f"batch-{number}"

    def submit(self, requests: Sequence[tuple[str, Body]], mark: str) -> str:
        path = self.folder / f"{mark}.requests.jsonl"
        temporary = path.with_name(f"{path.name}.part")
        temporary.write_bytes(batch_lines(requests, self.url))
        temporary.replace(path)
        return mark

    def find(self, entry: Entry, known: Collection[str]) -> str | None:  # noqa: ARG002 - the name tells
        return entry["mark"] if (self.folder / f"{entry['mark']}.requests.jsonl").exists() else None

    def collect(self, batch: str) -> Sequence[BatchResult] | None:
        answers = self.folder / f"{batch}.answers.jsonl"
        if not answers.exists():
            return None
        return read_batch(self.client, answers.read_text(encoding="utf-8").splitlines())

    def waiting_for(self, entries: Sequence[Entry], asked: int) -> str:
        files = ", ".join(f"{entry['batch']}.requests.jsonl" for entry in entries)
        return (
            f"{asked} questions are written to {files} in {self.folder}. Have each answered into a file of the same "
            "name with answers.jsonl, such as by: vllm run-batch -i batch-1.requests.jsonl -o batch-1.answers.jsonl"
        )


def _find(desk: _Desk, entry: Entry, entries: list[Entry], folder: Path) -> None:
    """Complete an entry that a crash left without its batch's id, or remove it where nothing was handed in."""
    entry["batch"] = desk.find(entry, {other["batch"] for other in entries})
    entry["state"] = "open"
    if entry["batch"] is None:
        entries.remove(entry)
        entry["state"] = "lost"
    _write_state(folder, entries)


def _submit(asker: Asker, desk: _Desk, trials: Sequence[Trial], entries: list[Entry], folder: Path) -> None:
    most = {request_id(asker, trial.id): asker.most_usd(trial) for trial in trials}
    _check_budget(asker, most, sum(entry["most_usd"] for entry in entries if entry["state"] == "open"))
    client = asker.servers.client
    requests = (
        (request_id(asker, trial.id), client.body(asker.writer.write(trial), asker.seed_of(trial, ask=1)))
        for trial in trials
    )
    for batch in split(requests, desk.limits):
        entry: Entry = {
            "batch": None,
            "mark": desk.mark(len(entries) + 1),
            "submitted_at": utc_now(),
            "trials": [name for name, _ in batch],
            "most_usd": sum(most[name] for name, _ in batch),
            "state": HANDING_IN,
        }
        entries.append(entry)
        _write_state(folder, entries)
        try:
            entry["batch"] = desk.submit(batch, entry["mark"])
        except (TemporaryFailure, RequestRefused, AccessRefused) as error:
            if not (isinstance(error, TemporaryFailure) and error.lost):  # else it may have arrived, and is looked for
                entries.remove(entry)
                _write_state(folder, entries)
            raise ObserverError(f"{asker.name}: the batch could not be handed in: {error}: try again later") from error
        except OSError as error:
            raise ObserverError(f"{folder}: the requests cannot be written ({error.strerror})") from error
        entry["state"] = "open"
        _write_state(folder, entries)


def _check_budget(asker: Asker, most: Mapping[str, float], under_way: float) -> None:
    """Refuse what might pass the budget: a batch cannot be stopped half-way."""
    ledger = asker.ledger
    others = ledger.spent + ledger.lost + under_way
    if ledger.budget is not None and others + sum(most.values()) > ledger.budget:
        raise ObserverError(
            f"{asker.name}: {len(most)} trials in a batch may cost up to ${sum(most.values()):.2f}"
            f"{f' beside ${others:.2f} for others' if others else ''}, which passes the budget of "
            f"${ledger.budget:.2f}: lower max_output_tokens ({asker.servers.settings.max_output_tokens}), hand in "
            "fewer by --limit, or raise the budget"
        )


def _response(asker: Asker, trial: Trial, result: Reply | Exception, submitted_at: str) -> Response:
    question = asker.writer.write(trial)
    asked = Asked(tries=1, onset=submitted_at)
    if isinstance(result, Exception):
        return asker.failed(trial, question, asked, result)
    asked.replies.append(result)
    if result.usage is not None:
        asked.usage = result.usage
        asker.ledger.add(result.usage)
    return asker.response(trial, question, asked)


def _read_state(folder: Path) -> list[Entry]:
    path = folder / STATE
    try:
        entries: list[Entry] = json.loads(path.read_text(encoding="utf-8"))["batches"]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ObserverError(f"{path}: cannot be read ({error}): restore it from a copy") from error
    return entries


def _write_state(folder: Path, entries: Sequence[Mapping[str, Any]]) -> None:
    path = folder / STATE
    temporary = path.with_name(f"{STATE}.part")
    temporary.write_text(json.dumps({"batches": list(entries)}, indent=1), encoding="utf-8")
    temporary.replace(path)
