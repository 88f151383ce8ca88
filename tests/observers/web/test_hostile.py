"""What is sent by somebody who is not a page: nothing is guessed, taken over, written or broken by it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from browsers import Served, write_study
from extras import require_extra
from web_client import ENVIRONMENT, Refusal, WebClient, answer

from visavis import run
from visavis.experiments import Experiment, SessionError, session_log
from visavis.experiments.session_log import read_events

require_extra("web", "starlette", "uvicorn")
from visavis.observers.web import places  # noqa: E402
from visavis.observers.web import server as web_server  # noqa: E402 - they need the extra
from visavis.observers.web.messages import Answer, Begin, Enter, Open, read  # noqa: E402
from visavis.observers.web.web_study import WebOptions, WebStudy  # noqa: E402

Serve = Callable[..., Served]
Join = Callable[..., WebClient]
JSON = {"content-type": "application/json"}


def refused(send: Callable[[], Any]) -> tuple[int, str]:
    with pytest.raises(Refusal) as found:
        send()
    return found.value.status, found.value.said["refused"]


def responses(folder: Path, code: str = "web-001") -> list[dict[str, Any]]:
    return [event for event in read_events(folder / "results" / code / "1") if event["event"] == "response"]


def test_a_known_identity_is_not_enough_to_take_over_a_session(join: Join, served: Serve, tmp_path: Path) -> None:
    server = served()
    person, other = join(server), join(server, "tab2", patience_s=20)
    person.enter(PROLIFIC_PID="5f00", SESSION_ID="s1")
    person.begin()
    person.answer(0)
    for attempt in ({"PROLIFIC_PID": "5f00"}, {"PROLIFIC_PID": "5f00", "SESSION_ID": "s1"}):
        assert refused(lambda link=attempt: other.enter(**link)) == (403, "code_in_use")
        assert refused(lambda link=attempt: other.enter("A" * 22, **link)) == (403, "code_in_use")
    assert person.enter(person.token, PROLIFIC_PID="5f00") == person.token
    assert len(person.begin()) == 5
    server.kill()
    server.start()
    assert refused(lambda: other.enter(PROLIFIC_PID="5f00")) == (403, "code_in_use")
    assert len(list((tmp_path / "results").iterdir())) == 1


def test_who_has_not_begun_may_come_by_another_browser_and_the_first_link_ends(join: Join, served: Serve) -> None:
    server = served()
    phone, desktop = join(server), join(server, patience_s=20)
    phone.enter(PROLIFIC_PID="5f00")
    phone.act("open", environment=ENVIRONMENT)
    phone.act("screen_out")
    first = phone.token
    assert desktop.enter(PROLIFIC_PID="5f00") != first
    assert refused(lambda: phone.act("open", environment=ENVIRONMENT)) == (404, "unknown_link")
    server.kill()
    server.start()
    assert len(desktop.begin()) == 6


def test_links_are_not_guessed_and_every_wrong_one_is_refused_alike(join: Join, served: Serve) -> None:
    server = served()
    person = join(server)
    token = person.enter()
    assert re.fullmatch(r"[\w-]{22}", token)  # 128 random bits
    key = server.watch.rpartition("/")[2]
    wrong = (token[:-1], token[:-1] + ("A" if token[-1] != "A" else "B"), token.swapcase(), "web-001", "1", key, "%00")
    guesser = join(server)
    said = set()
    for guess in (*wrong, "..%2f..%2fresults"):
        for action in ("open", "begin", "answer", "more", "stop", "screen_out", "elsewhere"):
            status, _, content = guesser.ask("POST", f"/api/p/{guess}/{action}", b"{}", **JSON)
            said.add((status, b"refused" in content and json.loads(content)["refused"]))
    assert said <= {(404, "unknown_link"), (404, False)}


def test_the_experimenters_page_is_not_reached_by_a_participants_link(join: Join, served: Serve) -> None:
    server = served()
    person = join(server)
    token = person.enter()
    key = server.watch.rpartition("/")[2]
    for guess in (token, key[:-1], key + "A", "", "web-key", "%2e%2e"):
        for method, path in (
            ("GET", f"/watch/{guess}"),
            ("GET", f"/api/watch/{guess}"),
            ("POST", f"/api/watch/{guess}"),
        ):
            status, _, content = person.ask(method, path, b'{"intake": false}' if method == "POST" else b"", **JSON)
            assert status == 404
            assert b"web-001" not in content
    assert person.ask("GET", f"/api/watch/{key}")[0] == 200


@pytest.mark.parametrize(
    "body", [b'{"intake": "false"}', b'{"intake": 0}', b"{}", b"[]", b"null", b'{"intake":true,"a":1}']
)
def test_the_intake_is_changed_by_true_and_false_alone(join: Join, served: Serve, body: bytes) -> None:
    server = served()
    client = join(server)
    path = "/api" + server.watch.removeprefix(server.address)
    assert client.post(path, {"intake": False})["intake"] is False
    assert refused(lambda: client.post(path, body))[0] == 422
    assert json.loads(client.ask("GET", path)[2])["intake"] is False


def test_a_paused_study_lets_in_no_one_new_whatever_their_browser_holds(join: Join, served: Serve) -> None:
    server = served()
    person = join(server)
    token = person.enter()
    person.post("/api" + server.watch.removeprefix(server.address), {"intake": False})
    assert refused(lambda: person.enter(token, PROLIFIC_PID="new")) == (403, "paused")
    assert person.enter(token) == token


def test_a_code_that_cannot_be_used_takes_no_place(join: Join, served: Serve, tmp_path: Path) -> None:
    server = served("--participants", "1", order={"per_observer": "balanced"})
    client = join(server)
    hostile = (
        "anna",
        "../../x",
        "..",
        "<b>1</b>",
        "a" * 101,
        "a" * 41 + "1",
        "a\x001",
        "é1",
        "",
        "-1",
        ".1",
        "a/1",
        "a\\1",
    )
    for code in hostile:
        assert refused(lambda code=code: client.enter(participant=code)) in ((403, "bad_link"), (422, "bad_link"))
    assert not (tmp_path / "results-identities" / "web-places.jsonl").exists()
    client.enter(participant="anna-7")
    client.begin()
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["anna-7"]


BAD_BODIES = {
    "nothing": b"",
    "no JSON": b"{",
    "text": b'"x"',
    "a list": b"[]",
    "deep": b'{"parameters":' + b"[" * 50_000,
    "deep objects": b'{"a":' * 9_000,
    "not UTF-8": b'{"parameters":{"lang":"\xff"}}',
    "half a character": b'{"parameters":{"lang":"\\ud800"}}',
    "a wrong type": b'{"parameters":"x"}',
    "a number for text": b'{"parameters":{"lang":1}}',
    "an unknown field": b'{"parameters":{},"admin":true}',
    "many parameters": json.dumps({"parameters": {str(n): "" for n in range(31)}}).encode(),
    "long text": json.dumps({"parameters": {"lang": "x" * 301}}).encode(),
    "control characters": b'{"parameters":{"lang":"\\u0000"}}',
}


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One server for many bad messages."""
    server = Served(write_study(tmp_path_factory.mktemp("hostile")))
    yield server
    server.stop()


@pytest.mark.parametrize("what", BAD_BODIES)
def test_bodies_that_are_no_message_are_refused(join: Join, standing: Served, what: str) -> None:
    client = join(standing)
    assert refused(lambda: client.post("/api/enter", BAD_BODIES[what])) == (422, "bad_link")


def test_large_bodies_and_headers_are_refused_before_they_are_read(join: Join, standing: Served) -> None:
    client = join(standing)
    assert refused(lambda: client.post("/api/enter", b" " * 70_000)) == (413, "too_large")
    client.close()
    status = client.ask("GET", "/", **{"x-long": "a" * 20_000})[0]
    assert status in (400, 431)
    client.close()
    assert client.ask("GET", "/" + "a" * 20_000)[0] in (400, 414, 431)


def test_a_form_on_another_site_cannot_send_a_message(join: Join, standing: Served) -> None:
    client = join(standing)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        assert client.ask("POST", "/api/enter", b'{"parameters":{}}', **{"content-type": kind})[0] == 403
    status, headers, _ = client.ask("OPTIONS", "/api/enter", origin="https://elsewhere.example")
    assert status == 405
    assert not [name for name in headers if name.startswith("access-control")]


BAD_ANSWERS: dict[str, dict[str, Any]] = {
    "a tie where none is offered": {"choice": "tie", "key": "down"},
    "text for a number": {"trial": "1"},
    "a truth value for a number": {"trial": True},
    "a fraction of a trial": {"trial": 1.5},
    "a negative time": {"response_time_ms": -1},
    "an endless time": {"response_time_ms": 10**400},
    "a number of a thousand digits": {"window_px": [10**1000, 1]},
    "HTML for a key": {"key": "<b>x</b>"},
    "HTML for an interruption": {"interruptions": ["<img src=x>"]},
    "another device": {"device": "hands"},
    "another side": {"choice": "reference"},
    "a place that is none": {"places": {"left": [1, 2, 3, -4]}},
    "another role": {"places": {"top": [1, 2, 3, 4]}},
    "an unknown field": {"outcome": "refusal"},
    "a trial that is not in the plan": {"trial": 6},
    "a trial far outside it": {"trial": 10**9},
}


def test_answers_that_no_page_gives_are_refused_and_leave_the_trial_to_be_asked(
    join: Join, served: Serve, tmp_path: Path
) -> None:
    client = join(served())
    client.enter()
    client.begin()
    for changes in BAD_ANSWERS.values():
        body = json.dumps({"tab": client.tab, **answer(1, **changes)}).encode()
        assert refused(lambda body=body: client.post(f"/api/p/{client.token}/answer", body))[1] == "bad_link"
    for number in (b"NaN", b"Infinity", b"1e999"):
        body = json.dumps({"tab": client.tab, **answer(1)}).encode().replace(b"800.5", number)
        assert refused(lambda body=body: client.post(f"/api/p/{client.token}/answer", body)) == (422, "bad_link")
    assert responses(tmp_path) == []
    assert client.answer(1) == {"recorded": True, "new": True}
    assert client.answer(1, choice="right", key="right") == {"recorded": True, "new": False}
    assert [event["choice"] for event in responses(tmp_path)] == ["left"]


def test_an_answer_that_was_recorded_before_the_server_was_killed_is_known(
    join: Join, served: Serve, tmp_path: Path
) -> None:
    server = served()
    client = join(server, patience_s=20)
    client.enter()
    client.begin()
    client.answer(0)
    server.kill()
    server.start()
    assert client.answer(0) == {"recorded": True, "new": False}
    assert refused(lambda: client.answer(77))[1] == "bad_link"
    assert len(responses(tmp_path)) == 1


def test_another_persons_link_and_tab_are_of_no_use_without_the_key(join: Join, served: Serve, tmp_path: Path) -> None:
    server = served()
    first, second = join(server), join(server, "tab2")
    first.enter()
    second.enter()
    first.begin()
    second.begin()
    assert refused(lambda: second.post(f"/api/p/{first.token}/answer", {"tab": "tab2", **answer(0)})) == (
        409,
        "other_tab",
    )
    second.answer(0)
    assert (len(responses(tmp_path)), len(responses(tmp_path, "web-002"))) == (0, 1)


def test_no_address_reaches_a_file(join: Join, standing: Served) -> None:
    client = join(standing)
    for path in (
        "/page/../server.py",
        "/page/..%2fserver.py",
        "/page/%2e%2e/places.py",
        "/page/page.css%00",
        "/page//etc/passwd",
        "/image/..%2f..%2fstudy.yaml.png",
        "/image/" + "0" * 64 + ".png",
        "/mask/9x9.png",
        "/mask/-1x5.png",
        "/mask/99999999999999999999x1.png",
        "/results/web-001/1/events.jsonl",
        "/study.yaml",
    ):
        assert client.ask("GET", path)[0] == 404, path


def test_every_reply_forbids_other_hosts_frames_and_guessing_of_types(join: Join, standing: Served) -> None:
    client = join(standing)
    for path in ("/", "/p/x", "/page/main.js", "/nothing", "/api/enter", "/texts?lang=<script>"):
        _, headers, content = client.ask("GET", path)
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers
        assert b"<script>" not in content
    page = client.ask("GET", "/")[2].decode()
    assert re.findall(r"(?:src|href)=\"(?!/page/)", page) == []
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=", page)


def test_one_link_cannot_ask_without_end_and_arrivals_are_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_server, "REQUESTS_A_MINUTE", 5)
    monkeypatch.setattr(web_server, "ARRIVALS_A_MINUTE", 2)
    clock = [0.0]
    monkeypatch.setattr(web_server.time, "monotonic", lambda: clock[0])
    study = WebStudy(Experiment.load(write_study(tmp_path)), tmp_path / "results", WebOptions(), run)
    try:
        app = web_server.make_app(study, "key")
        greedy, other = (json.loads(call(app, "/api/enter", {"parameters": {}})[1])["token"] for _ in range(2))
        assert call(app, "/api/enter", {"parameters": {}})[0] == 429
        asked = [call(app, f"/api/p/{greedy}/stop", {"tab": "t"})[0] for _ in range(7)]
        assert asked == [200] * 5 + [429] * 2
        assert call(app, f"/api/p/{other}/stop", {"tab": "t"})[0] == 200
        clock[0] = 61.0
        assert call(app, f"/api/p/{greedy}/stop", {"tab": "t"})[0] == 200
        assert call(app, "/api/enter", {"parameters": {}})[0] == 200
    finally:
        study.close()


def call(app: Any, path: str, message: dict[str, Any]) -> tuple[int, bytes]:
    """Send a message to the application, without a connection."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(message).encode(), "more_body": False}

    async def send(part: dict[str, Any]) -> None:
        sent.append(part)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
    }
    with ThreadPoolExecutor(1) as thread:  # this one may have a browser's event loop
        thread.submit(lambda: asyncio.run(app(scope, receive, send))).result()
    return sent[0]["status"], sent[1]["body"]


def test_an_answer_is_acknowledged_after_its_flush_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []
    study = WebStudy(Experiment.load(write_study(tmp_path)), tmp_path / "results", WebOptions(), run)
    flush = session_log.sync

    def flushing(descriptor: int) -> None:
        flush(descriptor)
        happened.append(f"flushed {len(responses(tmp_path))}")

    monkeypatch.setattr(session_log, "sync", flushing)
    try:
        token = study.enter(Enter(parameters={}))["token"]
        study.open(token, read(Open, json.dumps({"tab": "t", "environment": ENVIRONMENT}).encode()))
        agreed = {"tab": "t", "environment": ENVIRONMENT, "agreed": True, "answers": {}}
        study.begin(token, read(Begin, json.dumps(agreed).encode()))
        happened.clear()
        for index in range(3):
            study.answer(token, read(Answer, json.dumps({"tab": "t", **answer(index)}).encode()))
            happened.append(f"acknowledged {index + 1}")
        assert happened[:6] == [f"{what} {n}" for n in (1, 2, 3) for what in ("flushed", "acknowledged")]
    finally:
        study.close()


def no_space(descriptor: int) -> None:
    raise OSError(28, "No space left on device")


def test_half_a_line_of_a_full_disk_spoils_no_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = WebStudy(Experiment.load(write_study(tmp_path)), tmp_path / "results", WebOptions(), run)
    try:
        token = study.enter(Enter(parameters={}))["token"]
        with monkeypatch.context() as full:
            full.setattr(places, "sync", no_space)
            with pytest.raises(SessionError, match="make room"):
                study.enter(Enter(parameters={}))
        second = study.enter(Enter(parameters={}))["token"]
    finally:
        study.close()
    again = WebStudy(Experiment.load(tmp_path / "study.yaml"), tmp_path / "results", WebOptions(), run)
    try:
        assert [(place.code, place.token) for place in again.places] == [("web-001", token), ("web-002", second)]
    finally:
        again.close()
