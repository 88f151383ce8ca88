"""Sessions in a real browser: the course, the log, going on after whatever happens, and what is kept from the page."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from browsers import Served, answer_all, to_trial

from visavis.experiments import Experiment, load_trials
from visavis.experiments.session_log import read_events

Serve = Callable[..., Served]
TRIALS = 6
GLANCE_MS = 300
"""A press sooner than a quarter of a second after a page appeared was not meant for it."""


def page_of(chrome: Any, address: str, **context: Any) -> Any:
    page = chrome.new_context(viewport={"width": 1000, "height": 700}, **context).new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(address)
    return page


def click(page: Any, name: str) -> None:
    """Click a button, once its page has been there long enough to be read."""
    button = page.get_by_role("button", name=name)
    button.wait_for()
    page.wait_for_timeout(GLANCE_MS)
    button.click()


def responses(folder: Path) -> list[dict[str, Any]]:
    return [event for event in read_events(folder) if event["event"] == "response"]


def test_a_session_in_the_browser_is_the_plan_in_the_log(served: Serve, chrome: Any, tmp_path: Path) -> None:
    server = served("--completion-code", "DONE-7", repetitions=2, sides="counterbalanced")
    page = page_of(chrome, server.address)
    assert answer_all(page) == 2 * TRIALS
    assert "DONE-7" in page.inner_text("body")
    assert not page.errors
    experiment = Experiment.load(tmp_path / "study.yaml")
    table = load_trials(tmp_path / "results")
    assert list(table["trial"]) == list(experiment.plan("web-001").to_frame()["trial"])
    assert set(table["observer_kind"]) == {"human"}
    assert set(table["choice"]) == {"left"}
    found = responses(tmp_path / "results" / "web-001" / "1")
    shown = {event["provenance"]["pixels"] for event in found}
    hashes = {s.pixels_sha256 for s in experiment.stimuli.values()}
    assert shown == {"one to one"}
    assert {image["pixels_sha256"] for event in found for image in event["provenance"]["shown"]} <= hashes
    assert all(event["response_time_s"] >= 0 and event["provenance"]["time_uncertainty_ms"] > 0 for event in found)
    page.context.close()


def test_consent_and_form_come_first_and_identities_lie_apart(served: Serve, chrome: Any, tmp_path: Path) -> None:
    form = [
        {"name": "age", "ask": "How old?", "choices": [{"en": "young", "de": "jung"}, {"en": "old", "de": "alt"}]},
        {"name": "who", "ask": "Your name?", "identifies": True},
    ]
    server = served(presentation={"consent": "Do you agree?", "form": form})
    page = page_of(chrome, f"{server.address}/?PROLIFIC_PID=5f00&STUDY_ID=s1&SESSION_ID=t1&lang=de")
    click(page, "Ich stimme zu")
    click(page, "alt")
    page.get_by_role("textbox").fill("<b>Anna</b>")
    page.wait_for_timeout(GLANCE_MS)
    page.keyboard.press("Enter")
    answer_all(page)
    folder = tmp_path / "results" / "web-001" / "1"
    known = json.loads((folder / "participant.json").read_text(encoding="utf-8"))
    assert known["answers"] == {"age": "old"}
    assert known["consent"]
    shared = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.*"))
    apart = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "results-identities").rglob("*.json*"))
    for secret in ("Anna", "5f00", "t1"):
        assert f'"{secret}"' in apart or secret in apart
        assert f'"{secret}"' not in shared
    page.context.close()


def test_who_does_not_agree_leaves_nothing_in_the_results(served: Serve, chrome: Any, tmp_path: Path) -> None:
    server = served("--no-consent-link", "https://example.org/back", presentation={"consent": "Do you agree?"})
    page = page_of(chrome, server.address)
    click(page, "Leave")
    page.wait_for_selector("a[href='https://example.org/back']")
    assert not list(tmp_path.glob("results/*"))
    page.context.close()


def test_the_page_is_sent_no_name_of_a_rendition_and_no_expected_answer(served: Serve, chrome: Any) -> None:
    catch = [{"attribute": "contrast", "scene": "scene0", "expect": "high", "over": "low"}]
    server = served(catch=catch)
    page = page_of(chrome, "about:blank")
    heard: list[str] = []
    page.on("response", lambda reply: heard.append(reply.text()) if "/api/" in reply.url else None)
    page.goto(server.address)
    answer_all(page)
    sent = "".join(heard)
    assert '"trial":' in sent
    found = [
        name for name in ("low", "middle", "high", "scene0", "catch", "expected") if re.search(rf"\b{name}\b", sent)
    ]
    assert found == []
    page.context.close()


def test_a_killed_server_and_a_reloaded_page_lose_nothing_and_repeat_nothing(
    served: Serve, chrome: Any, tmp_path: Path
) -> None:
    server = served()
    page = page_of(chrome, server.address)
    link = ""
    for n in range(TRIALS):
        answer_all(page, trials=1)
        link = page.url
        server.kill()
        if n % 2:
            page.wait_for_timeout(200)
        server.start()
        if n % 2:
            page.reload()
    answer_all(page)
    found = responses(tmp_path / "results" / "web-001" / "1")
    assert Counter(event["trial"] for event in found).most_common(1)[0][1] == 1
    assert len(found) == TRIALS
    page.goto(link)
    page.wait_for_selector("[data-over]")
    assert not page.errors
    page.context.close()


def test_answers_without_a_connection_are_kept_and_sent_later(served: Serve, chrome: Any, tmp_path: Path) -> None:
    server = served()
    page = page_of(chrome, server.address)
    answer_all(page, trials=1)
    page.wait_for_timeout(500)  # the images that follow are loaded
    page.context.set_offline(True)
    answer_all(page, trials=2)
    page.wait_for_selector("#notice:not([hidden])")
    assert "No connection" in page.inner_text("#notice")
    assert len(responses(tmp_path / "results" / "web-001" / "1")) == 1
    page.context.set_offline(False)
    answer_all(page)
    assert len(responses(tmp_path / "results" / "web-001" / "1")) == TRIALS
    page.context.close()


def test_of_two_tabs_the_later_answers(served: Serve, chrome: Any, tmp_path: Path) -> None:
    server = served()
    first = page_of(chrome, server.address)
    answer_all(first, trials=2)
    second = first.context.new_page()
    second.goto(server.address)  # the study's link, in the same browser: the same place
    answer_all(second, trials=1)
    first.bring_to_front()
    first.wait_for_timeout(300)
    first.keyboard.press("x")  # the page says that the window was left
    answer_all(first, trials=1)
    first.get_by_text("open in another tab").wait_for()
    second.bring_to_front()
    answer_all(second)
    found = responses(tmp_path / "results" / "web-001" / "1")
    assert len(found) == len({event["trial"] for event in found}) == TRIALS
    assert len(list((tmp_path / "results").iterdir())) == 1
    first.context.close()


def test_escape_asks_and_ends_and_the_link_goes_on(served: Serve, chrome: Any, tmp_path: Path) -> None:
    server = served()
    page = page_of(chrome, server.address)
    answer_all(page, trials=2)
    to_trial(page)
    page.keyboard.press("Escape")
    click(page, "End")
    page.wait_for_selector("[data-over]")
    events = read_events(tmp_path / "results" / "web-001" / "1")
    assert events[-1]["reason"] == "web-001 ended the session."
    page.reload()
    page.get_by_text("Welcome back").wait_for()
    answer_all(page)
    assert len(responses(tmp_path / "results" / "web-001" / "1")) == TRIALS
    page.context.close()


def test_a_changed_window_interrupts_the_trial_and_is_recorded(served: Serve, chrome: Any, tmp_path: Path) -> None:
    server = served()
    page = page_of(chrome, server.address)
    to_trial(page)
    page.set_viewport_size({"width": 900, "height": 650})
    page.get_by_text("The window was changed").wait_for()
    answer_all(page)
    found = responses(tmp_path / "results" / "web-001" / "1")
    assert (found[0]["attempts"], found[0]["provenance"]["interrupted_by"]) == (2, ["window"])
    assert [event["attempts"] for event in found[1:]] == [1] * (TRIALS - 1)
    assert found[0]["provenance"]["pixels"] == "one to one"
    page.context.close()


def test_a_refused_answer_is_kept_apart_and_those_after_it_are_sent(served: Serve, chrome: Any, tmp_path: Path) -> None:
    server = served()
    page = page_of(chrome, server.address)
    answer_all(page, trials=1)
    page.wait_for_timeout(500)
    refuse = {"left": 1}

    def answering(route: Any) -> None:
        if refuse["left"]:
            refuse["left"] -= 1
            route.fulfill(status=422, json={"refused": "failed"})
        else:
            route.continue_()

    page.route("**/answer", answering)
    page.context.set_offline(True)
    answer_all(page, trials=2)
    page.context.set_offline(False)
    page.wait_for_function("Object.keys(localStorage).some((key) => key.endsWith('-refused'))")
    page.reload()
    answer_all(page)
    found = responses(tmp_path / "results" / "web-001" / "1")
    assert len(found) == len({event["trial"] for event in found}) == TRIALS
    page.context.close()
