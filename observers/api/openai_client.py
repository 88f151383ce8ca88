"""What the two clients of OpenAI's SDK share: sending, failures, batches."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any, ClassVar

from .batch_lines import batch_lines, read_batch
from .client import BatchLimits, BatchOutput, Client, Settings, sdk_failure
from .failures import RequestRefused
from .request_body import Body, encode

_MARK = "visavis"


class OpenAIClient(Client):
    """OpenAI's SDK; the wire format is the subclass's."""

    sdk = "openai"
    batch_limits = BatchLimits(requests=50_000, megabytes=200)
    path: ClassVar[str]

    @property
    def batch_url(self) -> str:
        """Where a batch's requests go."""
        return f"/v1{self.path}"

    def __init__(self, settings: Settings, key: str, base_url: str | None, timeout_s: float) -> None:
        from openai import OpenAI

        super().__init__(settings, key, base_url, timeout_s)
        self._openai = OpenAI(api_key=key or "none", base_url=base_url, timeout=timeout_s, max_retries=0)

    def _send(self, body: Body) -> str:
        import httpx2

        # Ready bytes, not `create(**body)`, which would go over every character of the images several times.
        response = self._openai.post(
            self.path,
            cast_to=httpx2.Response,
            content=encode(body),
            options={"headers": {"Content-Type": "application/json"}},
        )
        return response.text

    def _failure(self, error: Exception) -> Exception | None:
        import openai

        return sdk_failure(openai, error, self.redact_key)

    def submit_batch(self, requests: Sequence[tuple[str, Body]], mark: str) -> str:
        file = io.BytesIO(batch_lines(requests, self.batch_url))
        uploaded = self.guarded(lambda: self._openai.files.create(file=("requests.jsonl", file), purpose="batch"))
        endpoint: Any = self.batch_url
        batch = self.guarded(
            lambda: self._openai.batches.create(
                input_file_id=uploaded.id, endpoint=endpoint, completion_window="24h", metadata={_MARK: mark}
            )
        )
        return str(batch.id)

    def find_batch(self, mark: str, since: datetime, requests: int, known: Collection[str | None]) -> str | None:  # noqa: ARG002 - found by its mark
        def find() -> str | None:
            newest_first = self._openai.batches.list(limit=100)
            recent = takewhile(lambda batch: batch.created_at >= since.timestamp(), newest_first)
            return next((str(batch.id) for batch in recent if (batch.metadata or {}).get(_MARK) == mark), None)

        return self.guarded(find)

    def collect_batch(self, batch: str) -> BatchOutput | None:
        state = self.guarded(self._openai.batches.retrieve, batch)
        if state.status in ("validating", "in_progress", "finalizing", "cancelling"):
            return None
        if state.status == "failed":
            said = "; ".join(str(error.message) for error in (state.errors.data if state.errors else None) or [])
            raise RequestRefused(f"batch {batch} failed: {self.redact_key(said) or 'no reason given'}")
        files = [file for file in (state.output_file_id, state.error_file_id) if file]
        lines = (line for file in files for line in self.guarded(self._openai.files.content, file).text.splitlines())
        return read_batch(self, lines)

    def close(self) -> None:
        self._openai.close()
