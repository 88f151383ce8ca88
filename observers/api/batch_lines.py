"""The lines of batch files: requests out, answers in; OpenAI's form, which ``vllm run-batch`` reads and writes too."""

from __future__ import annotations

import codecs
import contextlib
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .client import BatchOutput, BatchResult, Client
from .content_refusals import is_content_refusal
from .failures import ContentRefused, TemporaryFailure, failure
from .request_body import Body, encode


def batch_lines(requests: Sequence[tuple[str, Body]], url: str) -> bytes:
    """Return requests in the form of OpenAI's batch files."""
    lines = ({"custom_id": name, "method": "POST", "url": url, "body": body} for name, body in requests)
    return b"".join(encode(line) + b"\n" for line in lines)


def read_batch(client: Client, lines: Iterable[str | bytes]) -> BatchOutput:
    """Read the lines of a batch's output in OpenAI's form."""
    return read_lines(lines, lambda line: (line["custom_id"], _result(client, line)))


def read_lines(lines: Iterable[str | bytes], read: Callable[[Any], BatchResult]) -> BatchOutput:
    """Read lines of JSON; whole ones are taken, and what is wrong with the others is said.

    Parameters
    ----------
    lines : iterable of str or bytes
    read : callable
        Makes a result of a decoded line; raises `KeyError`, `TypeError` or `AttributeError` for one of another shape.
    """
    output = BatchOutput()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            name, result = read(json.loads(line))
            if not isinstance(name, str):
                raise TypeError(f"its name is {name!r}")
        except (ValueError, RecursionError, TypeError, KeyError, AttributeError) as broken:
            output.damaged.append(f"line {number} ({type(broken).__name__}: {broken})")
        else:
            output.results.append((name, result))
    return output


def lines_of_file(content: bytes) -> list[str | bytes]:
    """Return the lines of a file of answers, made by whatever program: with a byte order mark, in UTF-16, or one list.

    Each line is decoded by itself, so that one damaged line spoils no other.

    Raises
    ------
    ValueError
        If it is UTF-16, and not whole.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        content = content.decode("utf-16").encode()
    content = content.removeprefix(codecs.BOM_UTF8)
    if content.lstrip().startswith(b"["):
        with contextlib.suppress(ValueError, RecursionError):
            return [json.dumps(entry) for entry in json.loads(content)]
    return list(content.split(b"\n"))


def settled(failed: Exception) -> Any:
    """Return a failure, or the reply that it amounts to."""
    return failed.as_reply() if isinstance(failed, ContentRefused) else failed


def _result(client: Client, line: Any) -> Any:
    response, error = line.get("response"), line.get("error")
    if error or not response:
        said = client.redact_key(json.dumps(error, ensure_ascii=False) if error else "no response")
        return settled(ContentRefused(said) if is_content_refusal(400, said) else TemporaryFailure(said))
    body, status = json.dumps(response.get("body"), ensure_ascii=False), response.get("status_code", 200)
    return client.result(body) if status == 200 else settled(failure(status, {}, client.redact_key(body)))
