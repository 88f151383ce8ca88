"""Layouts: public pair sets of many shapes, each a small file made by its public description."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from visavis.cli import main
from visavis.experiments import LAYOUTS, Layout, SessionError, import_choices, read_layout, write_layout
from visavis.experiments.importing import preview, read_choices
from visavis.experiments.importing.splitting import SplitRule

READ = ["observer", "scene", "left", "right", "chosen"]

FILES: dict[str, tuple[str, str, list[list[Any]]]] = {
    "pwcmp": (
        "a.csv",
        "observer,session_id,scene,condition_A,condition_B,is_A_selected\nP1,1,cat,x,y,1.0\nP1,1,cat,y,z,FALSE\n",
        [["P1", "cat", "x", "y", "x"], ["P1", "cat", "y", "z", "z"]],
    ),
    "pwcmp-light-fields": (
        "a.csv",
        "trial,observer,session,scene,dist_type1,dist_level1,dist_type2,dist_level2,selected\n"
        "1,o14,S,Car,DQ,1,DQ,4,1\n2,o14,S,Car,Reference,0,DQ,1,2\n",
        [["o14", "Car", "DQ-1", "DQ-4", "DQ-1"], ["o14", "Car", "Reference-0", "DQ-1", "DQ-1"]],
    ),
    "quickeval": (
        "a.csv",
        "observer,picture_id_left,picture_id_right,selected\nP,7,9,9\n",
        [["P", "all", "7", "9", "9"]],
    ),
    "psychopy": (
        "a.csv",
        "participant,scene,left,right,key_resp_2.keys,key_resp_2.rt\nP7,,,,space,9\nP7,cat,lo,hi,j,0.7\n",
        [["P7", "cat", "lo", "hi", "hi"]],
    ),
    "jspsych": (
        "a.json",
        json.dumps(
            [
                {"trial_type": "preload", "subject": "s1"},
                {"subject": "s1", "scene": "cat", "left": "lo", "right": "hi", "response": 0, "rt": 812},
                {"subject": "s1", "scene": "cat", "left": "hi", "right": "lo", "response": "ArrowRight", "rt": 700},
            ]
        ),
        [["s1", "cat", "lo", "hi", "lo"], ["s1", "cat", "hi", "lo", "lo"]],
    ),
    "jpeg-aic3": (
        "a.csv",
        "assignment,worker,img_num,codec_left,codec_pivot,codec_right,dlevel_left,dlevel_pivot,dlevel_right,is_bias,"
        "is_trap,response,response_time\n"
        "A1,5,3,2,0,4,8,0,1,0,0,left,4.5\nA1,5,3,2,0,2,8,0,8,1,0,not sure,1\nA1,5,3,0,0,2,0,0,10,0,1,right,2\n",
        [["5", "3", "2-8", "4-1", "2-8"], ["5", "3", "0-0", "2-10", "2-10"]],
    ),
    "pair-list": (
        "a.csv",
        "observer,image_1,image_2,chosen\nP1,db/I01_08_4.bmp,db/I01_10_2.bmp,I01_10_2.bmp\n",
        [["P1", "I01", "08_4", "10_2", "10_2"]],
    ),
    "hpdv2": (
        "train.json",
        json.dumps([{"human_preference": [0, 1], "prompt": "a\ncat", "file_path": ["1.jpg", "2.jpg"]}]),
        [["people", "a cat", "1.jpg", "2.jpg", "2.jpg"]],
    ),
    "battles": (
        "a.jsonl",
        '{"model_a": "m", "model_b": "n", "winner": "model_b", "judge": "u1", "conversation_a": [{"role": "user"}]}\n'
        '{"model_a": "m", "model_b": "n", "winner": "tie (bothbad)", "judge": "u1", "conversation_a": []}\n',
        [["u1", "all", "m", "n", "n"], ["u1", "all", "m", "n", None]],
    ),
    "2afc": (
        "a.csv",
        "ref,p0,p1,judge\ncnn/7.png,a,b,0.6\n",
        [["people", "cnn/7.png", "a", "b", chosen] for chosen in "aabbb"],
    ),
    "plain": (
        "a.csv",
        "observer;scene;left;right;choice;reference;phase\nP1;cat;x;y;x;orig;practice\n",
        [["P1", "cat", "x", "y", "x"]],
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_small_file_in_each_known_layout(name: str, tmp_path: Path) -> None:
    file, content, expected = FILES[name]
    (tmp_path / file).write_text(content, encoding="utf-8")
    trials = import_choices(tmp_path / file, name, experiment="x")
    chosen = trials[READ].astype(object).where(trials[READ].notna(), None)
    assert sorted(chosen.to_numpy().tolist(), key=str) == sorted(expected, key=str)
    assert trials["trial"].is_unique


def test_times_phases_and_references_of_the_layouts(tmp_path: Path) -> None:
    for name in ("jspsych", "jpeg-aic3", "plain"):
        (tmp_path / FILES[name][0]).write_text(FILES[name][1], encoding="utf-8")
        trials = import_choices(tmp_path / FILES[name][0], name, experiment="x")
        if name == "jspsych":
            assert trials["response_time_s"].tolist() == [0.812, 0.7]
        elif name == "jpeg-aic3":
            assert trials["phase"].tolist() == ["main", "catch"]
            assert trials["reference"].tolist() == ["0-0", "0-0"]
        else:
            assert trials[["phase", "reference"]].to_numpy().tolist() == [["practice", "orig"]]


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_is_written_and_read_back(name: str, tmp_path: Path) -> None:
    layout = LAYOUTS[name]
    back = read_layout(write_layout(layout, tmp_path / "own.yaml"))
    assert back.columns == layout.columns
    assert set(back.optional) == set(layout.optional)
    same = (
        "answers",
        "other_rows",
        "split",
        "scale",
        "phases",
        "leave_out",
        "constants",
        "unit",
        "unknown_sides",
        "about",
    )
    assert [getattr(back, one) for one in same] == [getattr(layout, one) for one in same]


@pytest.mark.parametrize(
    ("columns", "header", "row", "expected"),
    [
        ({"winner": "w", "loser": "l"}, "observer,w,l", "P,a,b", ["a"]),
        (
            {"n_left": "A", "n_right": "B", "n_tie": "same"},
            "observer,left,right,A,B,same",
            "P,a,b,2,1,1",
            ["a", "a", "b", None],
        ),
        ({"share_left": "p", "votes": "n"}, "observer,left,right,p,n", "P,a,b,0.25,4", ["a", "b", "b", "b"]),
    ],
)
def test_answers_in_other_forms(
    columns: dict[str, str], header: str, row: str, expected: list[str | None], tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
    trials = import_choices(tmp_path / "a.csv", LAYOUTS["plain"].adapted(columns), experiment="x")
    assert [None if pd.isna(one) else one for one in trials["chosen"]] == expected
    assert trials["repetition"].tolist() == list(range(1, len(expected) + 1))


def test_winner_and_loser_say_nothing_of_sides(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("observer,winner,loser\n" + "P,a,b\n" * 10, encoding="utf-8")
    layout = LAYOUTS["plain"].adapted({"winner": "winner", "loser": "loser"})
    trials = import_choices(tmp_path / "a.csv", layout, experiment="x")
    assert trials["chosen"].unique().tolist() == ["a"]
    assert trials["choice"].value_counts().to_dict() == {"left": 5, "right": 5}


def test_a_scale_of_preference_has_a_middle(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("observer,left,right,choice\nP,a,b,1\nP,a,b,3\nP,a,b,5\n", encoding="utf-8")
    trials = import_choices(tmp_path / "a.csv", LAYOUTS["plain"].adapted({}, scale=[1, 5]), experiment="x")
    assert trials["choice"].tolist() == ["left", "tie", "right"]
    (tmp_path / "a.csv").write_text("observer,left,right,choice\nP,a,b,1\nP,a,b,6\n", encoding="utf-8")
    with pytest.raises(SessionError, match=r"a\.csv: line 3: 6 is outside the scale from 1 to 5"):
        import_choices(tmp_path / "a.csv", LAYOUTS["plain"].adapted({}, scale=[1, 5]), experiment="x")


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        ("{scene}_{rendition}.{ext}", "I01_08_4.bmp", ("I01", "08_4")),
        ("{scene}/{rendition}.{ext}", "https://x.org/img/cat%20a/low.png?size=2", ("cat a", "low")),
        ("{scene}/{rendition}.{ext}", "img\\cat\\low.PNG", ("cat", "low")),
        ("{scene}_{}_{rendition}.png", "cat_v2_low.png", ("cat", "low")),
        ("{rendition}.{ext}", "a/b/low.png", (None, "low")),
        ("{scene}/{rendition}.{ext}", "low.png", None),
    ],
)
def test_file_names_tell_scene_and_rendition(rule: str, text: str, expected: tuple[str | None, str] | None) -> None:
    assert SplitRule(rule).split(text) == expected


def test_images_of_two_scenes_are_told_with_the_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("observer,left,right,choice\nP,cat_x,dog_x,left\n", encoding="utf-8")
    layout = LAYOUTS["plain"].adapted({}, split="{scene}_{rendition}")
    with pytest.raises(SessionError, match="line 2: the left image is of scene 'cat', the right one of 'dog'"):
        import_choices(tmp_path / "a.csv", layout, experiment="x")


def test_several_files_become_one_study(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("observer,left,right,choice\nP,x,y,left\n", encoding="utf-8")
    trials = import_choices([tmp_path / "a.csv", tmp_path / "b.csv"], experiment="x")
    assert trials["repetition"].tolist() == [1, 2]
    assert [json.loads(text)["file"] for text in trials["provenance"]] == ["a.csv", "b.csv"]


@pytest.mark.parametrize(
    ("content", "doubt"),
    [
        ("observer,left,right,choice\n" + "P,a,b,left\n" * 30, "all 30 choices are of the left image"),
        ("observer,left,right,choice,response_time_s\nP,a,b,left,812\n", "where they are milliseconds, say --unit ms"),
        ("observer,sceen,left,right,choice\nP,s,a,b,left\n", "column 'sceen' is not read: where it is the scene, say"),
        ("observer,left,right,choice,block\nP,a,b,left,practice\n", "column 'block' holds 'practice'"),
        ("observer,left,right,choice\nP,Low,b,left\nP,low,b,left\n", "item names 'Low', 'low' differ in capitals"),
        ("observer,left,right,choice\nP,a,b,left\nP,c,d,left\n", "in 1 of 1 scene(s) not all items are connected"),
        (
            "observer,left,right,choice\nP,left,b,left\nP,b,left,left\n",
            "line 3: 'left' is the name of an item and a word",
        ),
        (
            "observer,scene,left,right,choice\nP,r,r_a,r_b,left\nP,s,s_a,s_b,left\nP,t,t_a,t_b,left\n",
            "every item occurs in one scene only, so nothing can be averaged over scenes by item: where they name "
            "files, say --split '{scene}_{rendition}'",
        ),
    ],
)
def test_what_may_be_misunderstood_is_told(content: str, doubt: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(content, encoding="utf-8")
    imported = read_choices(tmp_path / "a.csv", experiment="x")
    assert any(doubt in text for text in imported.doubts), imported.doubts
    assert f"doubt: {imported.doubts[0]}" in list(preview(imported))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("observer,left,right,choice\nP,a,b,left,\nP,a,b,left,more\n", "line 3 has 5 fields"),
        ("observer,left,right,choice,choice\nP,a,b,left,right\n", "'choice', 'choice' have one name"),
        ("observer,left,right,chioce\nP,a,b,left\n", "perhaps --column choice=chioce"),
        (
            "observer,left,right,choice,response_time_s\nP,a,b,left,-1\n",
            "line 2: response_time_s must be a number of at",
        ),
        ('observer,left,right,choice,response_time_s\nP,a,b,left,"1,234"\n', "could be 1234 or 1.234"),
        ("observer,left,right,choice\nP,a\u200bx,b,left\n", "line 2: left holds the character U"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_the_line(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(content, encoding="utf-8")
    with pytest.raises(SessionError) as caught:
        import_choices(tmp_path / "a.csv", experiment="x")
    assert message in str(caught.value)
    assert str(tmp_path / "a.csv") in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("[1, 2]", "expected a list of objects"),
        ('{"a": 1}\nnonsense\n', "line 2: is not JSON"),
        ("[" * 100_000, "too deeply nested"),
        ('[{"observer": NaN}]', "NaN is not JSON"),
    ],
)
def test_json_that_holds_no_records_is_refused(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(content, encoding="utf-8")
    with pytest.raises(SessionError, match=message):
        import_choices(tmp_path / "a.json", experiment="x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("layout: 2\ncolumns: {left: a}\n", "'layout' must be 1"),
        ("columns: {left: a}\ncolums: {}\n", "line 2: unknown key 'colums': did you mean 'columns'"),
        ("columns: {lefft: a}\n", "unknown column 'lefft': did you mean 'left'"),
        ("columns: {choice: a, winner: b}\n", "answers stand in two forms, choice and winner"),
        ("columns: {left: a}\nunit: minutes\n", "unit: unknown 'minutes'"),
        ("columns: {left: a}\nsplit: '{scene}'\n", "must hold {rendition} once"),
        ("columns: {left: a}\nphases: {warmup: {b: 1}}\n", "phases: unknown 'warmup'"),
        ("- a\n", "expected a mapping with 'columns'"),
    ],
)
def test_a_layout_that_cannot_be_used_is_named(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SessionError) as caught:
        read_layout(tmp_path / "own.yaml")
    assert message in str(caught.value)
    assert "own.yaml" in str(caught.value)


def test_a_dry_run_shows_what_was_understood_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lf.csv").write_text(FILES["pwcmp-light-fields"][1], encoding="utf-8")
    words = ["import", "lf.csv", "--left", "dist_type1,dist_level1", "--right", "dist_type2,dist_level2",
             "--column", "choice=selected", "--answer", "1=left", "--answer", "2=right"]  # fmt: skip
    done = CliRunner().invoke(main, [*words, "--dry-run", "--save-layout", "own.yaml"])
    assert done.exit_code == 0, done.output
    assert "Reference-0" in done.output
    assert "rows        2: 2 choice" in done.output
    assert not Path("results").exists()
    again = CliRunner().invoke(main, ["import", "lf.csv", "--layout", "own.yaml"])
    assert again.exit_code == 0, again.output
    assert "2 trials of 1 observer(s) in 1 scene(s)" in again.output


def test_the_known_layouts_are_listed() -> None:
    done = CliRunner().invoke(main, ["import", "--layouts"])
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.output.splitlines()] == [*LAYOUTS, "matrix"]


def test_several_columns_are_joined_but_for_empty_ones(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "observer,d1,l1,right,choice\nP,jpeg,3,orig,left\nP,,3,orig,left\n", encoding="utf-8"
    )
    layout = Layout({"observer": "observer", "left": ["d1", "l1"], "right": "right", "choice": "choice"}, join="@")
    assert import_choices(tmp_path / "a.csv", layout, experiment="x")["left"].tolist() == ["jpeg@3", "3"]
