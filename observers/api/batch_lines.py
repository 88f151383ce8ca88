"""The lines of OpenAI's batch files, which ``vllm run-batch`` takes and writes too."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from .client import BatchResult, Client
from .failures import ContentRefused, TemporaryFailure, failure
from .request_body import Body, encode


def batch_lines(requests: Sequence[tuple[str, Body]], url: str) -> bytes:
    """Return requests in the form of OpenAI's batch files, which ``vllm run-batch`` takes too."""
    lines = ({"custom_id": name, "method": "POST", "url": url, "body": body} for name, body in requests)
    return b"".join(encode(line) + b"\n" for line in lines)


def read_batch(client: Client, lines: Iterable[str]) -> list[BatchResult]:
    """Read the lines of a batch's output.

    Raises
    ------
    TemporaryFailure
        If a line is damaged, or not written whole yet.
    """
    results: list[BatchResult] = []
    for number, line in enumerate(lines, start=1):
        try:
            result = json.loads(client.redact_key(line))
            name, response, error = result["custom_id"], result.get("response"), result.get("error")
        except (ValueError, TypeError, KeyError, AttributeError) as broken:
            raise TemporaryFailure(f"line {number} of its answers cannot be read ({broken!r})") from None
        if error or not response:
            results.append((name, TemporaryFailure(str((error or {}).get("message") or "no response"))))
            continue
        body, status = json.dumps(response.get("body")), response.get("status_code", 200)
        if status == 200:
            results.append((name, client.result(body)))
        else:
            failed = failure(status, {}, body)
            results.append((name, failed.as_reply() if isinstance(failed, ContentRefused) else failed))
    return results
