"""What the page sends to the server, without a browser: for hostile input, load, and servers that are killed."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

ENVIRONMENT: dict[str, Any] = {
    "user_agent": "test",
    "languages": ["en"],
    "device_pixel_ratio": 1,
    "window_px": [1000, 700],
    "screen_px": [1000, 700],
    "pinch": 1,
    "colour_depth": 24,
    "gamut": "srgb",
    "dynamic_range": "standard",
    "touch": False,
    "frame_ms": 16.7,
    "clock_resolution_ms": 0.1,
}


class Refusal(Exception):
    """The server refused; `status` and `said` say how."""

    def __init__(self, status: int, said: Any) -> None:
        super().__init__(f"{status}: {said}")
        self.status, self.said = status, said


class WebClient:
    """A participant who sends what the page sends."""

    def __init__(self, address: str, tab: str = "tab1", patience_s: float = 0.0) -> None:
        self._place = urlsplit(address)
        self._connection: http.client.HTTPConnection | None = None
        self._patience_s = patience_s
        self.tab = tab
        self.token = ""

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Send one request, again while there is no connection."""
        until = time.monotonic() + self._patience_s
        while True:
            try:
                if self._connection is None:
                    self._connection = http.client.HTTPConnection(str(self._place.hostname), self._place.port or 80)
                    self._connection.connect()
                    self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._connection.request(method, path, body or None, headers)
                reply = self._connection.getresponse()
                return reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read()
            except (OSError, http.client.HTTPException):
                self.close()
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def post(self, path: str, message: Any) -> Any:
        """Send JSON, or bytes as they are, and return JSON; what is refused is a `Refusal`."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        status, _, content = self.ask("POST", path, body, **{"content-type": "application/json"})
        found = json.loads(content)
        if status != 200:
            raise Refusal(status, found)
        return found

    def enter(self, token: str = "", **parameters: str) -> str:
        """Come by the study's link; return the key of the place."""
        self.token = self.post("/api/enter", {"parameters": parameters, "token": token})["token"]
        return self.token

    def act(self, action: str, **more: Any) -> Any:
        """Send what the page sends to the address of its place."""
        return self.post(f"/api/p/{self.token}/{action}", {"tab": self.tab, **more})

    def begin(self) -> list[dict[str, Any]]:
        """Open the page, or open it again, agree, and return the trials."""
        found = self.act("open", environment=ENVIRONMENT)
        if found["phase"] == "opening":
            found = self.act("begin", environment=ENVIRONMENT, agreed=True, answers={})
        return trials(found)

    def answer(self, index: int, **changes: Any) -> Any:
        """Answer a trial."""
        return self.act("answer", **answer(index, **changes))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def answer(index: int, **changes: Any) -> dict[str, Any]:
    """Return an answer as the page sends it."""
    return {
        "trial": index,
        "choice": "left",
        "response_time_ms": 800.5,
        "ago_ms": 3,
        "uncertainty_ms": 16.7,
        "device": "keyboard",
        "key": "left",
        "at_px": None,
        "exposure_ms": None,
        "interruptions": [],
        "frames": {"frames": 48, "median_ms": 16.7, "longest_ms": 17.1, "dropped": 0},
        "places": {"left": [10, 10, 120, 80], "right": [200, 10, 120, 80]},
        "window_px": [1000, 700],
        "device_pixel_ratio": 1,
        "pinch": 1,
        "untrusted": False,
        **changes,
    }


def trials(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the trials of what the server sent."""
    return [step for step in found.get("steps", []) if step["step"] == "trial"]


def take_part(client: WebClient, before_each: Callable[[], None] = lambda: None, **parameters: str) -> int:
    """Answer everything, going on wherever the server lost the session; return how many answers were new."""
    if not client.token:
        client.enter(**parameters)
    new = 0
    while asked := client.begin():
        for trial in asked:
            before_each()
            new += persist(lambda index=trial["trial"]: client.answer(index))["new"]
    return new


def persist(send: Callable[[], Any]) -> Any:
    """Send again while the server says that it is busy, as the page does."""
    for _ in range(200):
        try:
            return send()
        except Refusal as refusal:
            if refusal.status not in (429, 503):
                raise
        time.sleep(0.05)
    return send()
