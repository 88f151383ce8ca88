"""Who takes part: one line a place, on disk before the place is given.

The file lies with the identities, apart from the results: it holds the keys of the links and whatever the link said of
the person. Rules: appended to and synced; a torn last line is cut off; what is known is what the lines say. What a
recruiting service's link says of a person is known to others too, so it opens no session that has begun: the key that
the first visit was given does.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from visavis.base.files import sync
from visavis.experiments import SessionError, utc_now
from visavis.experiments.session import EVENTS, session_folder
from visavis.experiments.trial_sequence import trailing_number
from visavis.observers.human.participant import identities_folder

State = Literal["open", "complete", "declined", "screened_out"]

IDENTIFYING = ("PROLIFIC_PID", "workerId", "survey_code", "participant")
"""Parameters of a link that say who comes: Prolific's, MTurk's, SONA's, and a lab's own."""
KEPT = (*IDENTIFYING, "STUDY_ID", "SESSION_ID", "assignmentId", "hitId")
_VALUE = re.compile(r"[\w.@-]{1,100}", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


class Refused(Exception):
    """No one may come in this way; ``reason`` is a key of the page's texts."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Place:
    """One participation.

    Attributes
    ----------
    number : int
        In order of arrival, from 1.
    code : str
        The participant's code, as in the data.
    token : str
        The key of the link: 128 random bits.
    identity : str
        Which of `IDENTIFYING` the link gave, and its value; empty where it gave none.
    parameters : dict
        What the link said.
    language : str
    created_at : str
    state : {'open', 'complete', 'declined', 'screened_out'}
    replaced : bool
        Whether the place was given again because it was abandoned.
    """

    number: int
    code: str
    token: str
    identity: str
    parameters: dict[str, str]
    language: str
    created_at: str
    state: State = "open"
    replaced: bool = False


class Places:
    """The places of a study.

    Parameters
    ----------
    results : Path
    prefix : str
        Of the codes that are given in order of arrival.
    limit : int or None
        Most places that count: complete, or open and not abandoned.
    abandoned_s : float
        After so long without a sign a place does not count any more, and its number is given again.
    numbered : bool
        Whether every code must end in a number.

    Raises
    ------
    SessionError
        If another server has the file, or it is damaged.
    """

    def __init__(self, results: Path, prefix: str, limit: int | None, abandoned_s: float, *, numbered: bool) -> None:
        self._results = results
        self._prefix = prefix
        self._limit = limit
        self._abandoned_s = abandoned_s
        self._numbered = numbered
        self._guard = threading.RLock()
        self._by_token: dict[str, Place] = {}
        self._seen: dict[str, float] = {}
        folder = identities_folder(session_folder(results, "x", "1"))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / "web-places.jsonl"
        self._lock = FileLock(folder / ".web-places.lock", thread_local=False)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise SessionError(f"{self.path}: another server has these results: end it, or choose other results") from (
                None
            )
        try:
            self._read()
        except BaseException:
            self._lock.release()
            raise

    def __iter__(self) -> Iterator[Place]:
        with self._guard:
            return iter(list(self._by_token.values()))

    def by_token(self, token: str) -> Place:
        """Return the place of a link.

        Raises
        ------
        Refused
        """
        with self._guard:
            if token not in self._by_token:
                raise Refused("unknown_link")
            self._seen[token] = time.time()
            return self._by_token[token]

    def enter(
        self,
        parameters: Mapping[str, str],
        token: str,
        language: str,
        *,
        closed: str = "",
        has_begun: Callable[[Place], bool],
    ) -> Place:
        """Return the place of somebody who comes by the study's link, a new one where there is none yet.

        A place that another browser has is theirs once they have begun; until then it moves to the browser that comes
        later, and the earlier link ends.

        Parameters
        ----------
        parameters : mapping
            Of the link.
        token : str
            That this browser was given before; may be empty.
        language : str
        closed : str
            Why no one new comes in; empty where they do.
        has_begun : callable
            Whether a participant has gone past consent and form.

        Raises
        ------
        Refused
        """
        kept = {name: value for name, value in parameters.items() if name in KEPT and _VALUE.fullmatch(value)}
        named = next((name for name in IDENTIFYING if name in kept), "")
        if any(name in parameters and name not in kept for name in IDENTIFYING):
            raise Refused("bad_link")
        if kept.get("assignmentId") == "ASSIGNMENT_ID_NOT_AVAILABLE":
            raise Refused("preview_only")
        identity = f"{named}={kept[named]}" if named else ""
        with self._guard:
            own = self._by_token.get(token)
            if own is not None and own.identity == identity:
                return self.by_token(token)
            if identity:
                held = next((place for place in self._by_token.values() if place.identity == identity), None)
                if held is not None and has_begun(held):
                    raise Refused("code_in_use")  # an identity can be known or guessed; the link's key cannot
                if held is not None:
                    return self._move(held)
            if closed:
                raise Refused(closed)
            return self._new(identity, kept, language)

    def settle(self, place: Place, state: State) -> None:
        """Write down how a participation ended."""
        with self._guard:
            if self._by_token[place.token].state != state:
                self._write({"token": place.token, "state": state, "at": utc_now()})

    def last_seen(self, place: Place) -> float:
        """Return when there was a sign of a participant, in seconds since 1970."""
        events = session_folder(self._results, place.code, "1") / EVENTS
        written = events.stat().st_mtime if events.exists() else 0.0
        return max(self._seen.get(place.token, 0.0), written, _seconds(place.created_at))

    def abandoned(self, place: Place) -> bool:
        """Whether an open place has seen no one for too long."""
        return place.state == "open" and time.time() - self.last_seen(place) > self._abandoned_s

    def close(self) -> None:
        """Let another server have the file."""
        self._lock.release()

    def _new(self, identity: str, kept: dict[str, str], language: str) -> Place:
        places = list(self._by_token.values())
        free = [place for place in places if not place.replaced and self._is_free(place)]
        held = {place.number for place in places if not place.replaced and not self._is_free(place)}
        if self._limit is not None and len(held) >= self._limit:
            raise Refused("full")
        number = free[0].number if free else max((place.number for place in places), default=0) + 1
        code = kept.get("participant", "")
        if code and (not _CODE.fullmatch(code) or (self._numbered and trailing_number(code) is None)):
            raise Refused("bad_link")
        holders = 1 + sum(place.number == number for place in places)
        while not code or self._is_taken(code):
            if "participant" in kept:
                raise Refused("code_in_use")
            if code:
                holders += 1
            code = f"{self._prefix}{f'r{holders}-' if holders > 1 else ''}{number:03}"
        if free:
            self._write({"token": free[0].token, "replaced": True, "at": utc_now()})
        place = Place(number, code, secrets.token_urlsafe(16), identity, kept, language, utc_now())
        self._write({"place": asdict(place)})
        self._seen[place.token] = time.time()
        return place

    def _move(self, held: Place) -> Place:
        token = secrets.token_urlsafe(16)
        self._write({"token": held.token, "moved": token, "at": utc_now()})
        return self.by_token(token)

    def _is_free(self, place: Place) -> bool:
        return place.state in ("declined", "screened_out") or self.abandoned(place)

    def _is_taken(self, code: str) -> bool:
        return session_folder(self._results, code, "1").exists() or any(place.code == code for place in self)

    def _write(self, event: dict[str, Any]) -> None:
        line = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        try:
            with self.path.open("ab", buffering=0) as file:
                before = file.tell()
                try:
                    if file.write(line) != len(line):
                        raise OSError(0, "the disk is full")
                    sync(file.fileno())
                except OSError:
                    with contextlib.suppress(OSError):
                        file.truncate(before)  # half a line would spoil the next one
                    raise
        except OSError as error:
            raise SessionError(f"{self.path}: cannot be written ({error.strerror}): make room") from error
        self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        if "place" in event:
            place = Place(**event["place"])
            self._by_token[place.token] = place
            return
        if "moved" in event:
            place = self._by_token.pop(event["token"])
            self._by_token[event["moved"]] = replace(place, token=event["moved"])
            return
        changed = {name: event[name] for name in ("state", "replaced") if name in event}
        self._by_token[event["token"]] = replace(self._by_token[event["token"]], **changed)

    def _read(self) -> None:
        content = self.path.read_bytes() if self.path.exists() else b""
        whole = content.rfind(b"\n") + 1
        for number, line in enumerate(content[:whole].splitlines(), start=1):
            try:
                self._take(json.loads(line))
            except (ValueError, TypeError, KeyError) as error:
                raise SessionError(f"{self.path}: line {number} is damaged: restore the file from a copy") from error
        if whole < len(content):
            with self.path.open("rb+") as file:
                file.truncate(whole)


def _seconds(stamp: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(stamp).timestamp()
