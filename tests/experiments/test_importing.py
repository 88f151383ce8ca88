"""Choices made elsewhere: every one in its place, and what is no choice said."""

from __future__ import annotations

import json
import re
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from answering import Scripted
from scipy.optimize import minimize
from scipy.stats import norm

from visavis.experiments import (
    COLUMNS,
    Experiment,
    Layout,
    SessionError,
    import_choices,
    load_trials,
    run,
    write_trials,
)
from visavis.scaling import Options, Resampling, compare, count_choices, fit_scale

PWCMP = """observer,session_id,scene,condition_A,condition_B,is_A_selected
M01,1,window,camera,ferwerda,1
M01,1,window,ferwerda,camera,1
M01,1,window,camera,ferwerda,
F02,2,corridor,ronan,irawan,0
"""


@pytest.fixture
def pwcmp(tmp_path: Path) -> Path:
    path = tmp_path / "theirs.csv"
    path.write_text(PWCMP, encoding="utf-8")
    return path


def test_pwcmps_table(pwcmp: Path) -> None:
    trials = import_choices(pwcmp, "pwcmp", experiment="tmo")
    assert list(trials.columns) == list(COLUMNS)
    assert trials["choice"].tolist()[:2] == ["left", "left"]
    assert trials["chosen"].tolist()[:2] == ["camera", "ferwerda"]
    assert trials["chosen"].tolist()[3] == "irawan"
    assert trials["outcome"].tolist() == ["choice", "choice", "invalid", "choice"]
    assert trials["repetition"].tolist() == [1, 2, 3, 1]
    assert trials["presentation_order"].tolist() == ["AB", "BA", "AB", "BA"]
    assert trials["attribute"].unique().tolist() == ["preference"]
    assert trials["observer_kind"].unique().tolist() == ["human"]
    assert trials["trial"].is_unique


@pytest.mark.parametrize("session", ["session", "session_id"])
def test_pwcmps_study_is_scaled_and_has_its_ceilings(session: str, tmp_path: Path) -> None:
    """Five people prefer high to mid to low in two scenes, but for one answer in seven; all by plain counting."""
    rows, chosen = [], []
    for number, (person, scene, (one, other), swapped) in enumerate(
        product(("M1", "M2", "F1", "F2", "F3"), ("window", "corridor"), combinations(("high", "mid", "low"), 2), (0, 1))
    ):
        first, second = (other, one) if swapped else (one, other)
        better = one if number % 7 else other
        rows.append(f"{person},{1 + swapped},{scene},{first},{second},{int(first == better)},perceptual")
        chosen.append((person, scene, one, other, better == one))
    head = f"observer,{session},scene,condition_A,condition_B,is_A_selected,criterion"
    (tmp_path / "trials.csv").write_text("\n".join([head, *rows]), encoding="utf-8")
    imported = import_choices(tmp_path / "trials.csv", "pwcmp", experiment="tmo")
    write_trials(imported, tmp_path / "results" / "tmo")
    trials = load_trials(tmp_path / "results")
    assert len(trials) == len(rows) == 60
    assert sorted(set(trials["session"])) == ["1", "2"]

    counts = count_choices(trials).pool([])
    found = fit_scale(counts, model="thurstone", method="ml")
    place = {name: counts.items.index(name) for name in counts.items}
    wins = [(place[one], place[other]) if won else (place[other], place[one]) for _, _, one, other, won in chosen]

    def minus_log_likelihood(values: np.ndarray) -> float:
        return -sum(float(norm.logcdf(values[i] - values[j])) for i, j in wins)

    values = minimize(minus_log_likelihood, np.zeros(3)).x
    assert found.values[0] == pytest.approx(values - values.mean(), abs=1e-4)

    votes: dict[object, list[tuple[str, bool]]] = {}
    for person, scene, one, other, won in chosen:
        votes.setdefault((scene, one, other), []).append((person, won))
    majority, by_others, agree = 0, [], []
    for answers in votes.values():
        majority += max(sum(won for _, won in answers), sum(not won for _, won in answers))
        for person, won in answers:
            others = [theirs for name, theirs in answers if name != person]
            agree += [won == theirs for theirs in others]
            margin = 2 * sum(others) - len(others)
            by_others.append(0.5 if not margin else float(won == (margin > 0)))
    (ceilings,) = compare(trials, options=Options(resampling=Resampling(20))).ceilings.to_dict("records")
    assert ceilings["people"] == 5
    assert ceilings["choice_majority"] == pytest.approx(majority / 60)
    assert ceilings["choice_leave_one_out"] == pytest.approx(np.mean(by_others))
    assert ceilings["choice_between"] == pytest.approx(np.mean(agree))


def test_the_chosen_items_name_is_an_answer_too(tmp_path: Path) -> None:
    path = tmp_path / "quick.csv"
    path.write_text(
        "observer,picture_id_left,picture_id_right,selected\nP,7,9,9\nP,9,7,9\nP,7,9,skip\n", encoding="utf-8"
    )
    trials = import_choices(path, "quickeval", experiment="q")
    assert trials["choice"].tolist()[:2] == ["right", "left"]
    assert trials["outcome"].tolist() == ["choice", "choice", "invalid"]
    assert trials["scene"].unique().tolist() == ["all"]


def test_any_table_by_a_layout_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("who;a\n", encoding="utf-8")
    path.write_text("who,img1,img2,answer,rt\nP,x,y,A,0.5\nP,x,y,=,0.7\nP,x,y,B,n/a\n", encoding="utf-8")
    layout = Layout(
        {"observer": "who", "left": "img1", "right": "img2", "choice": "answer", "response_time_s": "rt"},
        {"A": "left", "B": "right", "=": "tie"},
    )
    trials = import_choices(path, layout, experiment="own", attribute="contrast", kind="vlm")
    assert trials["outcome"].tolist() == ["choice", "tie", "choice"]
    assert trials["response_time_s"].tolist()[:2] == [0.5, 0.7]
    assert trials["response_time_s"].isna().tolist() == [False, False, True]
    assert trials["observer_kind"].unique().tolist() == ["vlm"]


def test_what_is_imported_stands_beside_sessions(experiment: Experiment, pwcmp: Path, tmp_path: Path) -> None:
    run(experiment, Scripted(), tmp_path / "results")
    imported = import_choices(pwcmp, "pwcmp", experiment="tmo")
    path = write_trials(imported, tmp_path / "results" / "tmo")
    assert path.name == "tmo.trials.csv"
    together = load_trials(tmp_path / "results")
    assert len(together) == len(experiment.plan("P1")) + 4
    back = together[together["experiment"] == "tmo"].sort_values(["observer", "trial_index"]).reset_index(drop=True)
    pd.testing.assert_frame_equal(back, imported.sort_values(["observer", "trial_index"]).reset_index(drop=True))


def test_a_written_table_reads_back_as_it_was(experiment: Experiment, tmp_path: Path) -> None:
    run(experiment, Scripted(), tmp_path / "results")
    trials = load_trials(tmp_path / "results")
    write_trials(trials, tmp_path / "shared" / "all.csv")
    pd.testing.assert_frame_equal(load_trials(tmp_path / "shared"), trials)


def test_a_session_and_its_export_are_not_counted_twice(experiment: Experiment, tmp_path: Path) -> None:
    run(experiment, Scripted(), tmp_path, limit=3)
    write_trials(load_trials(tmp_path), tmp_path / "all")
    with pytest.raises(SessionError, match="are both session '1' of 'P1': remove the copy"):
        load_trials(tmp_path)


@pytest.mark.parametrize(
    ("content", "layout", "message"),
    [
        ("a,b\n1,2\n", "plain", r"lacks the column\(s\) observer, left, right, choice; it has a, b"),
        ("observer,left,right,choice\nP,,y,left\n", "plain", "line 2: left is empty"),
        ("", "plain", "the file is empty"),
        ("a\n", "fancy", "unknown layout 'fancy': choose from 2afc, battles, hpdv2, .*, plain, matrix"),
        ("observer,left,right,choice\n", "plain", "holds no choices"),
        (
            "observer,left,right,choice\nP,x,y,left\n\nP,x,x,left\nP,y,y,left\n",
            "plain",
            r"line 4: both images are the same \(and in 1 more line\)",
        ),
        ("observer,left,right,choice,scene\nP,x,y,left,cat\nP,x,y,left,\n", "plain", "line 3: scene is empty"),
        (
            "observer,left,right,choice,repetition\nP,x,y,left,1\nP,x,y,left,two\n",
            "plain",
            "line 3: repetition is not a whole number",
        ),
        (
            "observer,left,right,choice,repetition\nP,x,y,left,1\nP,x,y,right,1\n",
            "plain",
            "line 3: this repetition of the pair was there before",
        ),
        (
            "observer,left,right,choice\nP,x,y,A\nP,x,y,B\n",
            "plain",
            r"not one answer can be understood: choice holds 'A', 'B'\. Say what means what: --answer TEXT=left",
        ),
    ],
)
def test_tables_that_cannot_be_used_are_named(tmp_path: Path, content: str, layout: str, message: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SessionError, match=message):
        import_choices(path, layout, experiment="x")


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("\ufeffobserver,left,right,choice,response_time_s\r\nPé,x,y,left,0.71\r\n", "utf-8"),
        ("observer;left;right;choice;response_time_s\r\nPé;x;y;left;0,71\r\n", "utf-8"),
        ("sep=;\r\nobserver;left;right;choice;response_time_s\r\nPé;x;y;left;0,71\r\n", "utf-8"),
        ("observer\tleft\tright\tchoice\tresponse_time_s\r\nPé\tx\ty\tleft\t0.71\r\n", "utf-16"),
        ("observer, left , right,choice ,response_time_s\n Pé ,x, y,left ,0.71\n,,,,\n\n", "utf-8"),
    ],
)
def test_what_spreadsheets_write_is_read(tmp_path: Path, content: str, encoding: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content.encode(encoding))
    trials = import_choices(path, experiment="x")
    assert trials[["observer", "left", "right", "chosen"]].to_numpy().tolist() == [["Pé", "x", "y", "x"]]
    assert trials["response_time_s"].tolist() == [0.71]


def test_another_encoding_is_named_with_its_line_and_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes("observer,left,right,choice\nP,x,y,left\nPé,x,y,left\n".encode("cp1252"))
    with pytest.raises(SessionError, match=r"x\.csv: line 3 is not in UTF-8: save the file as UTF-8 \(in Excel"):
        import_choices(path, experiment="x")


def test_what_was_answered_is_kept_word_for_word(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("observer,left,right,choice\nP,x,y,left\n\nP,x,y,don't know\n", encoding="utf-8")
    trials = import_choices(path, experiment="x")
    assert trials["outcome"].tolist() == ["choice", "invalid"]
    assert json.loads(trials["provenance"].iloc[1]) == {"answer": "don't know", "line": 4}


def test_a_damaged_trials_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.trials.csv").write_text("trial\n1\n", encoding="utf-8")
    with pytest.raises(SessionError, match=r"broken\.trials\.csv: the trials table lacks the column"):
        load_trials(tmp_path)


class TestMatrix:
    def test_counts_come_back_as_they_were(self, tmp_path: Path) -> None:
        from visavis.experiments import import_matrix
        from visavis.scaling import count_choices

        file = tmp_path / "tastes.csv"
        file.write_text("chosen over;a;b;c\r\na;0;7;3\r\nb;2;;5\r\nc;6;4;0\r\n\r\n", encoding="utf-8-sig")
        trials = import_matrix(file, experiment="tastes")
        counts = count_choices(trials, ())
        assert counts.items == ("a", "b", "c")
        assert counts.wins[0].tolist() == [[0, 7, 3], [2, 0, 5], [6, 4, 0]]
        assert abs((trials["choice"] == "left").mean() - 0.5) < 0.2

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (",a,b\na,0,1\nc,2,0\n", "same items in the same order"),
            (",a,b\na,0,1.5\nb,2,0\n", "a over b: '1.5' is not a whole number"),
            (",a,b\na,0,-1\nb,2,0\n", "a over b: '-1'"),
            (",a,b\na,0,0\nb,0,0\n", "all counts are 0"),
            (",a,a\na,0,1\na,1,0\n", "same items in the same order"),
        ],
    )
    def test_what_is_no_matrix_is_refused(self, text: str, message: str, tmp_path: Path) -> None:
        from visavis.experiments import import_matrix

        (tmp_path / "m.csv").write_text(text, encoding="utf-8")
        with pytest.raises(SessionError, match=message):
            import_matrix(tmp_path / "m.csv", experiment="x")


def test_psychopys_csv_is_read(tmp_path: Path) -> None:
    file = tmp_path / "P07_study.csv"
    file.write_text(
        "participant,session,date,attribute,scene,left,right,trials.thisN,key_resp.keys,key_resp.rt\n"
        "P07,1,2026-11-24,,,,,,space,3.2\n"
        "P07,1,2026-11-24,contrast,cat,low,high,0,right,0.71\n"
        "P07,1,2026-11-24,contrast,cat,high,low,1,f,0.62\n"
        "P07,1,2026-11-24,contrast,cat,high,low,2,None,\n",
        encoding="utf-8",
    )
    trials = import_choices(file, "psychopy", experiment="study")
    assert trials["chosen"].tolist()[:2] == ["high", "high"]
    assert trials["outcome"].tolist() == ["choice", "choice", "invalid"]
    assert trials["response_time_s"].tolist()[:2] == [0.71, 0.62]
    assert json.loads(trials["provenance"].iloc[0])["line"] == 3  # the row before holds the instructions' key


@pytest.mark.parametrize(
    ("columns", "answers", "message"),
    [
        ({"sceen": "Szene"}, {}, "unknown column 'sceen': did you mean 'scene'"),
        ({}, {"L": "links"}, "the answer 'L' must be one of left, right, tie, not 'links'"),
    ],
)
def test_a_layout_of_unknown_columns_or_answers_is_refused(
    columns: dict[str, str], answers: dict[str, str], message: str
) -> None:
    with pytest.raises(SessionError, match=re.escape(message)):
        Layout(columns, answers)


def test_a_column_that_a_layout_names_has_to_be_there(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("observer,left,right,choice\nP,x,y,left\n", encoding="utf-8")
    own = {name: name for name in ("observer", "left", "right", "choice")}
    with pytest.raises(SessionError, match=re.escape("lacks the column(s) Szene")):
        import_choices(path, Layout({**own, "scene": "Szene"}), experiment="own")
    missing_ok = Layout({**own, "scene": "Szene"}, optional=["scene"])
    assert import_choices(path, missing_ok, experiment="own")["scene"].tolist() == ["all"]


@pytest.mark.parametrize("layout", ["plain", "psychopy"])
def test_left_and_right_may_be_written_in_capital_letters(tmp_path: Path, layout: str) -> None:
    path = tmp_path / "own.csv"
    path.write_text("observer,left,right,choice\nP,x,y,LEFT\nP,x,y,Right\nP,x,y,Tie\nP,Left,y,left\n", encoding="utf-8")
    trials = import_choices(path, layout, experiment="own")
    assert trials["choice"].tolist()[:3] == ["left", "right", "tie"] if layout == "plain" else ["left", "right", None]
    assert trials["chosen"].tolist()[3] == "Left"


def test_answers_are_added_to_the_words_and_may_give_them_another_meaning(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("observer,left,right,choice\nP,x,y,left\nP,x,y,same\nP,x,y,Left\n", encoding="utf-8")
    own = {name: name for name in ("observer", "left", "right", "choice")}
    trials = import_choices(path, Layout(own, {"same": "tie"}), experiment="own")
    assert trials["choice"].tolist() == ["left", "tie", "left"]
    swapped = import_choices(path, Layout(own, {"left": "right"}), experiment="own")
    assert swapped["outcome"].tolist() == ["choice", "invalid", "choice"]
    assert swapped["choice"].tolist()[::2] == ["right", "right"]


def test_an_items_name_comes_before_the_words(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("observer,left,right,choice\nP,x,LEFT,LEFT\nP,x,LEFT,left\n", encoding="utf-8")
    assert import_choices(path, experiment="own")["chosen"].tolist() == ["LEFT", "x"]
