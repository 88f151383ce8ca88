"""The site shows every public name and every command, and a release says one version everywhere."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest
from extras import require_extra
from ruamel.yaml import YAML

require_extra("docs", "sphinx", "furo", "myst_parser", "numpydoc", "sphinx_copybutton")

import api_reference  # noqa: E402
import command_reference  # noqa: E402
import example_figures  # noqa: E402

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("room", api_reference.rooms())
def test_every_public_name_is_listed_and_says_what_it_is(room: str) -> None:
    names = api_reference.public_names()[room]
    page = api_reference.page(room)
    assert names
    for name in names:
        assert f"   * - :py:obj:`{name.name} <{name.described_at}>`" in page
        assert api_reference._summary(name) != "\\", f"{name.path} has no docstring"


def test_every_public_name_is_described_once_in_a_room_that_exports_it() -> None:
    by_path = {name.path: name for names in api_reference.public_names().values() for name in names}
    pages = "\n".join(api_reference.page(room) for room in api_reference.rooms())
    for name in by_path.values():
        assert by_path[name.described_at].value is name.value
        directive = rf"^\.\. (autoclass|autoexception|autofunction):: {re.escape(name.described_at)}$"
        data = rf"^\.\. py:data:: {name.name}\n   :module: {re.escape(name.owner)}$"
        found = len(re.findall(directive, pages, re.MULTILINE)) + len(re.findall(data, pages, re.MULTILINE))
        assert found == 1, name.path


def test_the_command_line_page_has_every_command() -> None:
    page = command_reference.page()
    for command in ("visavis run", "visavis report", "visavis observers"):
        assert re.search(rf"^##+ {command}$", page, re.MULTILINE)


def test_a_page_that_shows_a_figure_names_its_maker_and_a_missing_figure_is_an_error(tmp_path: Path) -> None:
    draws = "from pathlib import Path\n>>> _ = Path('line.svg').write_text('<svg/>')"
    page = f"```python\n>>> {draws}\n\n```\n![](made/drawing/line.svg)\n"
    (tmp_path / "drawing.md").write_text(page, encoding="utf-8")
    assert example_figures.shown(tmp_path) == {"drawing": frozenset({"line.svg"})}
    example_figures.make_figures(tmp_path)
    assert (tmp_path / "made" / "drawing" / "line.svg").read_text(encoding="utf-8") == "<svg/>"
    (tmp_path / "drawing.md").write_text("![](made/drawing/line.svg)\n", encoding="utf-8")
    with pytest.raises(FileNotFoundError, match=r"line\.svg"):
        example_figures.make_figures(tmp_path)


def test_a_release_says_one_version_everywhere() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    citation = YAML(typ="safe").load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    newest = re.search(r"^## (\S+?)(?:, .*)?$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert config["metadata"]["version"] == citation["version"] == newest.group(1)
    assert config["metadata"]["license"] == citation["license"]
