"""Where batches go: to the provider's batch API, or to files that another program answers."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from visavis.base.files import atomic_write
from visavis.experiments import ObserverError

from .batch_lines import batch_lines, lines_of_file, read_batch
from .batch_store import BatchRecord
from .client import BatchLimits, BatchOutput, Client
from .request_body import Body, encode


class ProviderBatches:
    """The provider's own batch API.

    Parameters
    ----------
    client : Client

    Raises
    ------
    ObserverError
        If the provider has none.
    """

    def __init__(self, client: Client) -> None:
        if client.batch_limits is None:
            raise ObserverError(f"{client.settings.model}: its provider has no batch API: leave 'batch' out")
        self.client = client
        self.limits: BatchLimits = client.batch_limits

    def mark(self, number: int) -> str:  # noqa: ARG002 - files are numbered
        """Return a mark for the batch of this number."""
        return f"visavis-{uuid.uuid4().hex}"

    def submit(self, requests: Sequence[tuple[str, Body]], mark: str) -> str:
        """Submit requests; return the batch's id."""
        return self.client.submit_batch(requests, mark)

    def find(self, record: BatchRecord, known: Collection[str | None]) -> str | None:
        """Return the id of a batch that a crash left without it; None where it was not submitted."""
        # The clocks of two machines differ.
        since = datetime.fromisoformat(record.submitted_at) - timedelta(minutes=5)
        return self.client.find_batch(record.mark, since, len(record.trials), known)

    def collect(self, batch: str) -> BatchOutput | None:
        """Return what a batch brought, or None while it is in progress."""
        return self.client.collect_batch(batch)

    def waiting_for(self, records: Sequence[BatchRecord]) -> str:
        """Say what is waited for, and what to do."""
        return (
            f"{sum(len(record.trials) for record in records)} trials are with the provider, in {len(records)} "
            f"batch(es): {', '.join(str(record.batch) for record in records)}. Come back later."
        )


class FileBatches(ProviderBatches):
    """Files in a session's folder.

    Parameters
    ----------
    folder : Path
    client : Client

    Raises
    ------
    ObserverError
        If the client's requests are not in OpenAI's form.
    """

    def __init__(self, folder: Path, client: Client) -> None:
        super().__init__(client)
        url = getattr(client, "batch_url", None)
        if url is None:
            raise ObserverError(f"{client.settings.model}: only requests in OpenAI's form are written to files")
        self.folder = folder
        self.url = str(url)

    def mark(self, number: int) -> str:
        """Return the file's stem."""
        return f"batch-{number}"

    def submit(self, requests: Sequence[tuple[str, Body]], mark: str) -> str:
        """Write the requests."""
        atomic_write(self.folder / f"{mark}.requests.jsonl", batch_lines(requests, self.url), durable=True)
        return mark

    def find(self, record: BatchRecord, known: Collection[str | None]) -> str | None:  # noqa: ARG002 - found by its name
        """Return the file's stem, if it is there."""
        return record.mark if (self.folder / f"{record.mark}.requests.jsonl").exists() else None

    def collect(self, batch: str) -> BatchOutput | None:
        """Read the answers, if they are there."""
        answers = self.folder / f"{batch}.answers.jsonl"
        if not answers.exists():
            return None
        try:
            return read_batch(self.client, lines_of_file(answers.read_bytes()))
        except ValueError as error:
            raise ObserverError(f"{answers}: cannot be read ({error}): copy it again, or save it as UTF-8") from error

    def waiting_for(self, records: Sequence[BatchRecord]) -> str:
        """Say which files are to be answered, and how."""
        files = ", ".join(f"{record.batch}.requests.jsonl" for record in records)
        return (
            f"{sum(len(record.trials) for record in records)} questions are written to {files} in {self.folder}. Have "
            "each answered into a file of the same name with answers.jsonl, such as by: vllm run-batch -i "
            "batch-1.requests.jsonl -o batch-1.answers.jsonl"
        )


def split(requests: Iterator[tuple[str, Body]], limits: BatchLimits) -> Iterator[list[tuple[str, Body]]]:
    """Divide requests into batches that a provider accepts."""
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
