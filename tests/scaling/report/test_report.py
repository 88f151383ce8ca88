"""The report: whole, self-contained, the numbers of the comparison, and no text of the user's taken for markup."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from trial_tables import trials_table

from visavis.scaling import (
    SENSITIVITY,
    Comparison,
    Options,
    Resampling,
    ScreeningRule,
    compare,
    report_html,
    sensitivity,
    write_report,
)
from visavis.scaling.report.figures import figures
from visavis.scaling.report.latex import escaped, latex_table
from visavis.scaling.report.methods_paragraph import methods_paragraph
from visavis.scaling.report.sections import parts_by_section
from visavis.scaling.variability.trade_off import caution

VALUES = {"contrast": np.array([-1.0, 0.0, 1.0]), "preference": np.array([0.4, 0.1, -0.5])}
QUICK = Options(resampling=Resampling(100))
EVIL = '<script>alert("1")</script>'
VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """Collects elements, texts and addresses, and checks that what is opened is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.addresses: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "xlink:href", "action"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())


@pytest.fixture(scope="module")
def trials() -> pd.DataFrame:
    return trials_table({**{f"P{i}": VALUES for i in range(4)}, "M1": VALUES, "M2": VALUES})


@pytest.fixture(scope="module")
def comparison(trials: pd.DataFrame) -> Comparison:
    return compare(trials, options=QUICK, extra=[SENSITIVITY])


@dataclass(frozen=True)
class Written:
    """A report, and every time that one of its figures was drawn."""

    folder: Path
    page: str
    draws: list[Figure]


@pytest.fixture(scope="module")
def written(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("parent") / "new" / "report"
    draws: list[Figure] = []
    draw = Figure.draw

    def counted(figure: Figure, *rest: Any, **more: Any) -> None:
        draws.append(figure)
        draw(figure, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "draw", counted)
        page = write_report(comparison, folder)
    return Written(folder, page.read_text(encoding="utf-8"), draws)


@pytest.fixture(scope="module")
def drawn(comparison: Comparison) -> dict[str, Figure]:
    return figures(comparison)


def test_the_page_is_whole_and_asks_nothing_from_outside(written: Written, drawn: dict[str, Figure]) -> None:
    page = Page(written.page)
    assert page.tags.count("svg") == len(drawn) == 10
    assert "script" not in page.tags
    assert all(address.startswith("#") for address in page.addresses)
    assert not re.search(r"url\((?!#)", written.page)


def test_the_page_says_what_it_was_made_from(comparison: Comparison, written: Written) -> None:
    text = " ".join(Page(written.page).texts)
    assert "0" * 64 in text
    assert "visavis 0." in text
    assert "prior_sd=2.0" in text
    row = comparison.alignment.dropna(subset="low").iloc[0]
    assert f"{row['rho']:.2f} [{row['low']:.2f}, {row['high']:.2f}]" in text


def test_of_an_earlier_report_nothing_stays_and_of_other_files_all(
    trials: pd.DataFrame, written: Written, tmp_path: Path
) -> None:
    shutil.copytree(written.folder, tmp_path, dirs_exist_ok=True)
    for path in tmp_path.iterdir():
        os.utime(path, (0, 0))
    mine = {"notes.txt", "alignment_old.png", "trials.csv"}
    for name in mine:
        (tmp_path / name).write_text("mine")
    before = {path.name for path in tmp_path.iterdir()}
    models = trials[trials["observer_kind"] == "vlm"]
    write_report(compare(models, options=Options(resampling=Resampling(10))), tmp_path)
    after = {path.name for path in tmp_path.iterdir()}
    gone = {"alignment.png", "alignment.pdf", "alignment.svg", "alignment.tex", "sensitivity.csv", "sensitivity.tex"}
    assert gone <= before - after
    assert mine | {"report.html", "comparison.json", "scales.png", "scales.csv"} <= after
    assert all(path.stat().st_mtime > 0 for path in tmp_path.iterdir()), "of the earlier report"


def test_weights_are_drawn_as_beta_with_its_interval(comparison: Comparison, drawn: dict[str, Figure]) -> None:
    axes = drawn["weights"].axes[0]
    table = comparison.weights[comparison.weights["observer"] == "M1"]
    _, _, (bar,) = axes.containers[1]  # below people
    low, high = bar.get_segments()[0][:, 0]
    assert (low, high) == pytest.approx((table["low"].item(), table["high"].item()))
    assert axes.get_xlabel() == "β in preference"


def test_names_stand_as_they_are(trials: pd.DataFrame) -> None:
    named = trials.replace({"M1": "rms_contrast"})
    texts = Page(report_html(compare(named, options=QUICK))).texts
    assert "rms_contrast" in texts
    assert "rms contrast" not in texts


def test_the_same_comparison_gives_the_same_page(trials: pd.DataFrame, written: Written) -> None:
    assert report_html(compare(trials, options=QUICK, extra=[SENSITIVITY])) == written.page


def test_no_text_of_the_users_is_taken_for_markup(trials: pd.DataFrame) -> None:
    evil = trials.copy()
    for column, value in (("observer", "M1"), ("scene", "s0"), ("attribute", "contrast")):
        evil[column] = evil[column].replace(value, f"{EVIL}{value}")
    for side in ("left", "right"):
        evil[side] = evil[side].replace("c0", f"{EVIL}$x_$c0")
    evil["experiment"] = EVIL
    html = report_html(compare(evil, options=QUICK))
    assert "<script" not in html
    page = Page(html)
    assert any(EVIL in text for text in page.texts)
    assert any("$x_$c0" in text for text in page.texts)


def test_names_in_every_script_are_shown(trials: pd.DataFrame) -> None:
    named = trials.replace({"M1": "模型", "c0": "低对比度", "contrast": "Farbigkeit é"})
    assert report_html(compare(named, options=QUICK)).count("模型") >= 4


@pytest.mark.parametrize(
    "query",
    ["observer_kind == 'human'", "observer_kind == 'vlm'", "observer != 'M1'", "scene != 's0'", "repetition > 1"],
)
def test_a_report_of_less_data_is_whole_too(trials: pd.DataFrame, query: str) -> None:
    Page(report_html(compare(trials[~trials.eval(query)], options=QUICK)))


def test_json_and_csv_beside_the_page_hold_the_same_numbers(comparison: Comparison, written: Written) -> None:
    data = json.loads((written.folder / "comparison.json").read_text(encoding="utf-8"))
    assert data["options"]["resampling"]["n"] == 100
    assert data["definitions"] == ["0" * 64]
    for name, table in comparison.tables().items():
        from_csv = pd.read_csv(written.folder / f"{name}.csv")
        if "reason" in table:  # an empty text is a missing one in a CSV
            from_csv["reason"] = from_csv["reason"].astype(object).fillna("")
        pd.testing.assert_frame_equal(from_csv, table, check_dtype=False, check_column_type=False, rtol=1e-9)
        numbers = {column: float for column in table if pd.api.types.is_float_dtype(table[column])}
        from_json = pd.DataFrame(data[name], columns=table.columns).astype(numbers)
        pd.testing.assert_frame_equal(from_json, table, check_dtype=False, check_column_type=False, rtol=1e-12)


def test_figures_for_print_lie_beside_the_page(written: Written, drawn: dict[str, Figure]) -> None:
    from PIL import Image

    folder = written.folder
    for name in drawn:
        assert (folder / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        assert "<svg" in (folder / f"{name}.svg").read_text(encoding="utf-8")
        with Image.open(folder / f"{name}.png") as image:
            assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
            assert len(np.unique(np.asarray(image.convert("L")))) > 20, "an empty picture"


def test_the_methods_are_told_in_sentences_with_the_numbers(
    trials: pd.DataFrame, comparison: Comparison, written: Written
) -> None:
    text = methods_paragraph(comparison)
    assert text.startswith(
        "4 people and 2 models compared renditions of the same scene in pairs (6 scenes, 3 renditions) on contrast and "
        "preference. Of 648 trials 648 ended in a choice or a tie and were analysed."
    )
    assert "Gaussian priors of SD 2" in text
    assert "95 % Student's t intervals from the standard deviation of 100 resamples of scenes (seed 0)" in text
    assert text in " ".join(Page(written.page).texts)
    other = Options(
        method="least_squares", model="bradley_terry", rho_mode="pooled", resampling=Resampling(10, method="percentile")
    )
    text = methods_paragraph(compare(trials, options=other))
    assert "the Bradley-Terry model (1952; unit: logits) by least squares" in text
    assert "all scenes and renditions at once" in text
    assert "95 % percentile intervals" in text


def test_many_models_keep_the_page_in_order() -> None:
    observers = {f"M{i:02}": VALUES for i in range(15)} | {"P1": VALUES, "P2": VALUES}
    Page(report_html(compare(trials_table(observers, scenes=2), options=QUICK)))


class TestMethods:
    """Correct English for whatever data there are."""

    def told(self, trials: pd.DataFrame, query: str, **options: Any) -> str:
        return methods_paragraph(
            compare(trials[trials.eval(query)], options=Options(**options, resampling=Resampling(20)))
        )

    def test_without_people(self, trials: pd.DataFrame) -> None:
        text = self.told(trials, "observer_kind == 'vlm'")
        assert text.startswith("2 models compared renditions")
        assert "people" not in text.lower()
        assert "VR% between models is" in text

    def test_without_models(self, trials: pd.DataFrame) -> None:
        text = self.told(trials, "observer_kind == 'human'")
        assert text.startswith("4 people compared renditions")
        assert "model's" not in text
        assert "Agreement" not in text

    def test_one_of_everything(self, trials: pd.DataFrame) -> None:
        one = "observer in ['P0', 'M1'] and scene == 's0' and attribute == 'contrast' and repetition == 1"
        text = self.told(trials, one)
        assert text.startswith("1 person and 1 model compared renditions of the same scene in pairs (1 scene, 3 ")
        assert " on contrast. Of 6 trials 6 ended in a choice or a tie and were analysed." in text
        assert "of a model and of the person; beside it stands ρ corrected" in text
        for word in ("pooled", "Intervals", "ties", "weights", "VR%", "κ", "Models were compared"):
            assert word not in text

    def test_screening_is_told_with_its_limits(self, trials: pd.DataFrame) -> None:
        careless = trials.copy()
        of_p0 = careless["observer"] == "P0"
        careless.loc[of_p0, "choice"] = np.random.default_rng(0).choice(["left", "right"], of_p0.sum())
        rule = ScreeningRule(max_invalid=None, min_catch=None, max_disagreement=0.4)
        text = self.told(careless, "trial != ''", screening=rule)
        assert (
            "People were left out who answered more than 40% of the repetitions differently; this left out 1 of" in text
        )
        assert text.startswith("3 people and 2 models")
        both = self.told(trials, "trial != ''", screening=ScreeningRule(max_disagreement=0.9, max_out_of_line=99))
        assert "differently, answered fewer than 75% of the catch trials as expected or are out of line with" in both
        assert "(score above 99 in the leave-one-out likelihood" in both
        assert "this left out no one." in both

    def test_ties_are_mentioned_where_there_are_any(self, trials: pd.DataFrame) -> None:
        tied = trials.copy()
        tied.loc[::7, ["choice", "outcome"]] = "tie"
        assert "; ties counted as half a choice of either." in self.told(tied, "trial != ''")


class TestLatex:
    def test_no_text_breaks_it(self) -> None:
        assert escaped(r"a_b & 50% $x$ #1 {~} \ ^ <i>") == (
            r"a\_b \& 50\% \$x\$ \#1 \{\textasciitilde{}\} \textbackslash{} \textasciicircum{} "
            r"\textless{}i\textgreater{}"
        )
        assert escaped("two\nlines\tone") == "two lines one"

    def test_a_table_has_caption_label_and_rules(self) -> None:
        text = latex_table(["name", "ρ"], [["[x] -1", "-0.50 [-0.70, 0.10]"]], [False, True], "ρ & more", "alignment")
        lines = text.splitlines()
        assert r"\caption{$\rho$ \& more}" in lines
        assert r"\label{tab:alignment}" in lines
        assert r"\begin{tabular}{lr}" in lines
        assert r"{[x] -1} & $-$0.50 [$-$0.70, 0.10] \\" in lines
        assert [line for line in lines if line.endswith("rule")] == [r"\toprule", r"\midrule", r"\bottomrule"]

    def test_every_table_with_rows_is_written_and_balanced(self, comparison: Comparison, written: Written) -> None:
        parts = [part for parts in parts_by_section(comparison).values() for part in parts]
        told = {part.name: part.table for part in parts if part.table is not None}
        assert {path.stem for path in written.folder.glob("*.tex")} == set(told)
        for name, shown in told.items():
            if shown.rows:
                text = (written.folder / f"{name}.tex").read_text(encoding="utf-8")
                rows = text.split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()
                assert len(rows) == len(shown.rows)
                assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(shown.columns) - 1}
                assert text.isascii()

    def test_names_that_mean_something_to_latex(self, trials: pd.DataFrame) -> None:
        named = trials[trials["attribute"] == "contrast"].replace({"M1": "open_model & co", "c0": "50%_{a}"})
        parts = [part for parts in parts_by_section(compare(named, options=QUICK)).values() for part in parts]
        texts = {
            part.name: latex_table(part.table.columns, part.table.rows, part.table.numeric, part.caption, part.name)
            for part in parts
            if part.table is not None
        }
        assert r"open\_model \& co" in texts["alignment"]
        assert r"50\%\_\{a\}" in texts["scales"]


def test_sensitivity_is_in_the_page_the_json_and_the_tables(trials: pd.DataFrame, written: Written) -> None:
    varied = sensitivity(trials, options=QUICK)
    assert "Had the analysis been another" in written.page
    data = json.loads((written.folder / "comparison.json").read_text(encoding="utf-8"))
    assert [row["observer"] for row in data["sensitivity"]] == varied["observer"].tolist()
    assert {"sensitivity.csv", "sensitivity.tex"} <= {path.name for path in written.folder.iterdir()}


def test_the_caution_says_what_so_few_models_allow(trials: pd.DataFrame) -> None:
    two = caution(compare(trials, options=QUICK))
    assert two == "With 2 models nothing can be said about how the two are related."
    values = np.array([-0.6, -0.3, 0.0, 0.2, 0.4])
    models = {f"M{i}": {"contrast": np.roll(values, i)} for i in range(6)}
    many = trials_table({**{f"P{i}": {"contrast": values} for i in range(3)}, **models}, scenes=4)
    found = compare(many, options=QUICK)
    text = caution(found)
    row = found.trade_off.iloc[0]
    assert f"ρ = {row['rho']:.2f} (p = {row['p_value']:.2f}) on contrast" in text
    assert "With 6 models only |ρ| of 0.89 or more could be told from no relation at the 5 % level" in text


class TestFigures:
    def test_they_are_as_wide_as_a_journals_columns(self, trials: pd.DataFrame, drawn: dict[str, Figure]) -> None:
        for name, figure in drawn.items():  # one attribute explains preference
            assert figure.get_size_inches()[0] == pytest.approx((8.5 if name == "weights" else 17.8) / 2.54)
        one = compare(trials[trials["attribute"] == "contrast"], options=QUICK)
        for name, figure in figures(one).items():
            assert figure.get_size_inches()[0] == pytest.approx((17.8 if name == "side_bias" else 8.5) / 2.54)

    def test_no_letter_is_smaller_than_six_points(self, drawn: dict[str, Figure]) -> None:
        from matplotlib.text import Text

        for figure in drawn.values():
            sizes = {text.get_fontsize() for text in figure.findobj(Text) if text.get_text()}  # type: ignore[attr-defined]
            assert min(sizes) >= 6

    def test_fonts_in_a_pdf_are_outlines(self, written: Written) -> None:
        for path in written.folder.glob("*.pdf"):
            content = path.read_bytes()
            assert b"/FontFile2" in content
            assert b"/Type3" not in content

    def test_long_names_and_many_models_leave_room_for_the_data(self) -> None:
        long = {f"organisation/model-{i:02}-of-a-rather-long-name-instruct-{'x' * 30}": VALUES for i in range(20)}
        found = compare(trials_table({**long, "P1": VALUES, "P2": VALUES}, scenes=2), options=QUICK)
        drawn = figures(found)
        assert len(drawn) == 10
        for figure in drawn.values():
            for axes in figure.axes:
                assert axes.get_position().width * figure.get_size_inches()[0] > 0.8
                assert axes.get_position().height * figure.get_size_inches()[1] > 0.8
        page = drawn["scales"].get_window_extent()
        (legend,) = drawn["scales"].legends
        box = legend.get_window_extent()
        assert page.x0 <= box.x0 < box.x1 <= page.x1
        for axes in drawn["vr_between"].axes:
            for axis, edge in ((axes.xaxis, "x0"), (axes.yaxis, "y0")):
                boxes = [label.get_window_extent() for label in axis.get_ticklabels() if label.get_text()]
                thick = min(box.width if edge == "x0" else box.height for box in boxes[1:]) if boxes else 0.0
                edges = sorted(getattr(box, edge) for box in boxes[1:])
                assert all(after - before > 0.9 * thick for before, after in pairwise(edges))
                assert all(drawn["vr_between"].get_window_extent().x0 <= box.x0 for box in boxes)

    @pytest.mark.parametrize("attributes", [1, 5])
    def test_any_number_of_attributes(self, attributes: int) -> None:
        values = {f"attribute {i}": VALUES["contrast"] for i in range(attributes)}
        found = compare(trials_table(dict.fromkeys(("P1", "P2", "M1", "M2"), values), scenes=2), options=QUICK)
        for name, figure in figures(found).items():
            if name not in ("side_bias", "weights"):
                assert len(figure.axes) == attributes


def test_a_figure_is_laid_out_once_and_drawn_once_a_file(written: Written) -> None:
    assert len(written.draws) == 4 * len(set(written.draws)) > 0


def test_a_study_of_people_alone_is_called_so(trials: pd.DataFrame) -> None:
    people = trials[(trials["observer_kind"] == "human") & (trials["attribute"] == "contrast")]
    found = compare(people, options=QUICK)
    assert not [note for note in found.notes if "no model" in note]
    page = report_html(found)
    assert "<h1>simulated: what people chose</h1>" in page
    assert "models" not in page[page.index("<h1>") : page.index("<h2>")]
    assert "no model to compare" in " ".join(compare(trials, people=["*"], options=QUICK).notes)


def test_printed_tables_neither_scroll_nor_break_their_headings(written: Written) -> None:
    assert re.search(r"@media print \{.*\.scroll \{ overflow: visible; \}", written.page, flags=re.DOTALL)
    assert "overflow-wrap: anywhere; }\nth" not in written.page
