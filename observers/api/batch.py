"""Batches: hand all questions in at once, come back for the answers later; most providers take half the price.

What was handed in stands in ``batches.json`` in the session's folder, so that the same command first submits and later
collects. With ``batch=file`` nothing is sent: the requests are written to ``batch-1.requests.jsonl`` in OpenAI's form,
which ``vllm run-batch`` takes, and the answers are read from ``batch-1.answers.jsonl``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from visavis.experiments import ObserverError, Response, Trial, utc_now

from .asking import Asked, Asker
from .client import BatchLimits, BatchResult, Body, Client, encode
from .openai_client import batch_lines, read_batch
from .reply import AccessRefused, Reply, RequestRefused, TemporaryFailure, Usage

STATE = "batches.json"

Entry = dict[str, Any]
"""``batch`` (the provider's id, or the file's stem), ``submitted_at``, ``trials`` (their ids), ``state``."""


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
    open_trials = {request_id(trial): trial for trial in trials}
    for entry in entries:
        if entry["state"] != "open":
            continue
        try:
            results = desk.collect(entry["batch"])
        except (TemporaryFailure, AccessRefused) as error:
            raise ObserverError(f"{asker.name}: batch {entry['batch']}: {error}: try again later") from error
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
        entry["state"] = "collected"
        _write_state(folder, entries)
    # A trial that its batch did not answer at all is handed in again.
    _submit(asker, desk, list(open_trials.values()), entries, folder)
    waiting = [entry for entry in entries if entry["state"] == "open"]
    asked = sum(len(entry["trials"]) for entry in waiting)
    return desk.waiting_for(waiting, asked) if waiting else ""


def request_id(trial: Trial) -> str:
    """Return a trial's name in a batch, in the letters that every provider takes."""
    return hashlib.sha256(trial.id.encode()).hexdigest()[:40]


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

    def submit(self, requests: Sequence[tuple[str, Body]], number: int) -> str:  # noqa: ARG002 - files are numbered
        return self.client.submit_batch(requests)

    def collect(self, batch: str) -> Iterator[BatchResult] | None:
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

    def submit(self, requests: Sequence[tuple[str, Body]], number: int) -> str:
        name = f"batch-{number}"
        (self.folder / f"{name}.requests.jsonl").write_bytes(batch_lines(requests, self.url))
        return name

    def collect(self, batch: str) -> Iterator[BatchResult] | None:
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


def _submit(asker: Asker, desk: _Desk, trials: Sequence[Trial], entries: list[Entry], folder: Path) -> None:
    _check_budget(asker, trials)
    client = asker.servers.client
    requests = (
        (request_id(trial), client.body(asker.writer.write(trial), asker.seed_of(trial, ask=1))) for trial in trials
    )
    for batch in split(requests, desk.limits):
        try:
            name = desk.submit(batch, number=len(entries) + 1)
        except (TemporaryFailure, RequestRefused, AccessRefused) as error:
            raise ObserverError(f"{asker.name}: the batch could not be handed in: {error}: try again later") from error
        except OSError as error:
            raise ObserverError(f"{folder}: the requests cannot be written ({error.strerror})") from error
        entries.append({"batch": name, "submitted_at": utc_now(), "trials": [one for one, _ in batch], "state": "open"})
        _write_state(folder, entries)


def _check_budget(asker: Asker, trials: Sequence[Trial]) -> None:
    """Refuse what might pass the budget: a batch cannot be stopped half-way."""
    ledger = asker.ledger
    if ledger.budget is None or ledger.price is None:
        return
    written = asker.servers.settings.max_output_tokens
    most = sum(ledger.price.cost(Usage(asker.input_tokens(asker.writer.write(trial)), written)) for trial in trials)
    if ledger.spent + most > ledger.budget:
        raise ObserverError(
            f"{asker.name}: {len(trials)} trials in a batch may cost up to ${most:.2f}, which passes the budget of "
            f"${ledger.budget:.2f}: lower max_output_tokens ({written}), hand in fewer by --limit, or raise the budget"
        )


def _response(asker: Asker, trial: Trial, result: Reply | Exception, submitted_at: str) -> Response:
    question = asker.writer.write(trial)
    asked = Asked(tries=1)
    if isinstance(result, Exception):
        return asker.failed(trial, question, asked, result)
    asked.replies.append(result)
    if result.usage is not None:
        asked.usage = result.usage
        asker.ledger.spent += asker.ledger.cost(result.usage) or 0.0
    return asker.response(trial, question, asked, submitted_at)


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
