"""Replies kept on disk, so that a question that has been paid for is not paid for again.

A reply answers exactly the question it was given: the key holds the whole request with the images' hashes in their
order, the trial with its repetition, server, session and observer. (B, A) is never answered from (A, B), and a
repetition never from another.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from visavis.base.files import atomic_write
from visavis.experiments import ObserverError, Trial

from .reply import Reply, Usage
from .request_body import Body, fingerprint


def cache_key(body: Body, trial: Trial, servers: Sequence[str], *, observer: str, session: str, ask: int) -> str:
    """Return the SHA-256 of all that a reply depends on.

    Parameters
    ----------
    body : dict
        The whole request: model, words, pictures in their order, and every setting.
    trial : Trial
        Its attribute, phase and repetition count: what is asked twice is not answered once.
    servers : sequence of str
        Addresses: the same name may be another model elsewhere.
    observer, session : str
    ask : int
        From 1; a re-ask is another question.
    """
    key = {
        "request": fingerprint(body),
        "trial": [trial.attribute, trial.phase, trial.repetition],
        "servers": sorted(servers),
        "observer": observer,
        "session": session,
        "ask": ask,
    }
    return hashlib.sha256(json.dumps(key, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class ReplyCache:
    """A folder of replies, one file each.

    Parameters
    ----------
    folder : path
        Made where it is missing.

    Raises
    ------
    ObserverError
        If it cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ObserverError(f"{folder}: cannot keep replies here ({error.strerror}): choose another") from error

    def get(self, key: str) -> Reply | None:
        """Return a reply; None where there is none, or its file is damaged."""
        try:
            fields = json.loads(self._path(key).read_text(encoding="utf-8"))
            usage = fields.pop("usage")
            return Reply(**fields, usage=Usage(**usage) if usage else None)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def put(self, key: str, reply: Reply) -> None:
        """Keep a reply; a full disk costs the cache, not the answer, which goes to the session log all the same."""
        path = self._path(key)
        with contextlib.suppress(OSError):
            path.parent.mkdir(exist_ok=True)
            atomic_write(path, json.dumps(asdict(reply), ensure_ascii=False))

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"
