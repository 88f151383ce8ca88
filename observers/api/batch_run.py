"""Batches: submit all questions at once, come back for the answers later; most providers take half the price.

What was submitted stands in ``batches.json`` in the session's folder, so that the same command first submits and later
collects. With ``batch=file`` nothing is sent: the requests are written to ``batch-1.requests.jsonl`` in OpenAI's form,
which ``vllm run-batch`` reads, and the answers are read from ``batch-1.answers.jsonl``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from visavis.experiments import ObserverError, Response, Trial, utc_now
from visavis.experiments.session_log import read_events

from .batch_channels import FileBatches, ProviderBatches, split
from .batch_store import BatchRecord, BatchStore
from .exchange import Exchange
from .failures import AccessRefused, RequestRefused, TemporaryFailure
from .reply import Reply
from .trial_asker import TrialAsker


def ask_in_batches(
    asker: TrialAsker, trials: Sequence[Trial], folder: Path | None, mode: Literal["provider", "file"]
) -> Generator[Response, None, str]:
    """Collect what is ready and submit what was not submitted yet.

    Parameters
    ----------
    asker : TrialAsker
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
        If a batch failed as a whole or cannot be submitted.
    """
    if folder is None:
        raise ObserverError(f"{asker.name}: batches are kept in a session's folder: use them within a run")
    client = asker.servers.client
    channel = FileBatches(folder, client) if mode == "file" else ProviderBatches(client)
    store = BatchStore(folder)
    unread: dict[str, list[str]] = {}
    open_trials = {request_id(asker, trial.id): trial for trial in trials}
    for record in store:
        try:
            if record.state == "submitting":
                _find(channel, record, store)
            if record.state != "submitted" or record.batch is None:
                continue
            output = channel.collect(record.batch)
        except (TemporaryFailure, AccessRefused) as error:
            raise ObserverError(
                f"{asker.name}: batch {record.batch or record.mark}: {error}: try again later"
            ) from error
        except RequestRefused as error:
            record.state = "failed"
            store.save()
            raise ObserverError(f"{asker.name}: {error}. The same command submits its trials again") from error
        if output is None:
            for name in record.trials:
                open_trials.pop(name, None)
            continue
        for name, result in output.results:
            trial = open_trials.pop(name, None)
            if trial is not None:
                yield _response(asker, trial, result, record.submitted_at)
        if output.damaged and output.damaged != record.damaged:
            # Perhaps the answers are being written, or the line broke: its trials wait. The same damage a second time
            # is there for good, and they are submitted again.
            record.damaged = output.damaged
            store.save()
            unread[str(record.batch)] = output.damaged
            for name in record.trials:
                open_trials.pop(name, None)
            continue
        # Answers to trials that were not asked for now, as with --limit, stay with the provider until they are.
        if {name for name, _ in output.results} <= _on_disk(asker, folder):
            record.state = "collected"
            store.save()
    # A trial that its batch did not answer at all is submitted again.
    if open_trials:
        _submit(asker, channel, list(open_trials.values()), store)
    waiting = channel.waiting_for(store.submitted) if store.submitted else ""
    return " ".join([*(_unread_lines(batch, damaged) for batch, damaged in unread.items()), waiting]).strip()


def request_id(asker: TrialAsker, trial: str) -> str:
    """Return a trial's name in a batch, in characters that every provider accepts; another session's has another."""
    return hashlib.sha256(json.dumps([asker.name, asker.session, trial]).encode()).hexdigest()[:40]


def _on_disk(asker: TrialAsker, folder: Path) -> set[str]:
    """Return the names of all trials that have a response."""
    return {request_id(asker, event["trial"]) for event in read_events(folder) if event.get("event") == "response"}


def _unread_lines(batch: str, damaged: Sequence[str]) -> str:
    shown = "; ".join(damaged[:3]) + ("; …" if len(damaged) > 3 else "")
    return (
        f"{batch}: {len(damaged)} of its answers cannot be read: {shown}. All others are taken. Mend them, or run the "
        "same command again: what still cannot be read then is submitted again."
    )


def _find(channel: ProviderBatches, record: BatchRecord, store: BatchStore) -> None:
    """Complete a record that a crash left without its batch's id, or remove it where nothing was submitted."""
    record.batch = channel.find(record, store.ids)
    if record.batch is None:
        record.state = "lost"
        store.remove(record)
    else:
        record.state = "submitted"
        store.save()


def _submit(asker: TrialAsker, channel: ProviderBatches, trials: Sequence[Trial], store: BatchStore) -> None:
    most = {request_id(asker, trial.id): asker.most_usd(trial) for trial in trials}
    _check_budget(asker, most, sum(record.most_usd for record in store.submitted))
    requests = ((request_id(asker, trial.id), asker.body(trial, asker.writer.write(trial), ask=1)) for trial in trials)
    for batch in split(requests, channel.limits):
        record = BatchRecord(
            batch=None,
            mark=channel.mark(len(store.records) + 1),
            submitted_at=utc_now(),
            trials=[name for name, _ in batch],
            most_usd=sum(most[name] for name, _ in batch),
            state="submitting",
        )
        store.add(record)
        try:
            record.batch = channel.submit(batch, record.mark)
        except (TemporaryFailure, RequestRefused, AccessRefused) as error:
            if not (isinstance(error, TemporaryFailure) and error.lost):  # else it may have arrived, and is looked for
                store.remove(record)
            raise ObserverError(f"{asker.name}: the batch could not be submitted: {error}: try again later") from error
        except OSError as error:
            raise ObserverError(f"{store.folder}: the requests cannot be written ({error.strerror})") from error
        record.state = "submitted"
        store.save()


def _check_budget(asker: TrialAsker, most: Mapping[str, float], submitted: float) -> None:
    """Refuse what might pass the budget: a batch cannot be stopped half-way."""
    ledger = asker.ledger
    others = ledger.spent + ledger.lost + submitted
    if ledger.budget is not None and others + sum(most.values()) > ledger.budget:
        raise ObserverError(
            f"{asker.name}: {len(most)} trials in a batch may cost up to ${sum(most.values()):.2f}"
            f"{f' beside ${others:.2f} for others' if others else ''}, which passes the budget of "
            f"${ledger.budget:.2f}: lower max_output_tokens ({asker.servers.settings.max_output_tokens}), submit "
            "fewer by --limit, or raise the budget"
        )


def _response(asker: TrialAsker, trial: Trial, result: Reply | Exception, submitted_at: str) -> Response:
    question = asker.writer.write(trial)
    exchange = Exchange(tries=1, onset=submitted_at)
    if isinstance(result, Exception):
        if isinstance(result, TemporaryFailure) and result.usage is not None:
            exchange.broken_off, exchange.usage = 1, result.usage
            asker.ledger.add(result.usage)
        return asker.maker.failed(trial, question, exchange, result)
    exchange.replies.append(result)
    if result.usage is not None:
        exchange.usage = result.usage
        asker.ledger.add(result.usage)
    return asker.maker.response(trial, question, exchange)
