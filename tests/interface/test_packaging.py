"""A built wheel works anywhere, and holds every room."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("experiments", "interface", "observers", "scaling", "stimuli")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel offline, from a copy, so that no build folder is left in the repository."""
    import shutil

    source = tmp_path_factory.mktemp("source")
    for name in (*ROOMS, "setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(target), str(source)], check=True)
    (built,) = target.glob("*.whl")
    return built


def test_the_listed_packages_are_the_folders() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    mapping = dict(line.split(" = ") for line in config["options"]["package_dir"].split("\n") if line)
    folders = {str(file.parent.relative_to(ROOT)) for room in ROOMS for file in (ROOT / room).rglob("__init__.py")}
    assert set(mapping.values()) == folders
    assert config["options"]["packages"].split() == list(mapping)


def test_the_wheel_holds_every_file_of_every_room_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = set()
    for room in ROOMS:
        for file in (ROOT / room).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                inside = file.relative_to(ROOT / room).as_posix()
                expected.add(f"visavis/{inside}" if room == "interface" else f"visavis/{room}/{inside}")
    assert names == expected


def test_an_installed_wheel_works_beside_folders_of_the_same_names(wheel: Path, tmp_path: Path) -> None:
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([*install, str(wheel)], check=True)
    for room in ROOMS:
        (elsewhere / room).mkdir(parents=True)
        (elsewhere / room / "__init__.py").write_text("raise ImportError('not this one')\n")
    script = (
        "import sys, visavis, visavis.experiments, visavis.observers, visavis.scaling, visavis.stimuli\n"
        "from visavis.cli import main\n"
        "assert visavis.__file__.startswith(sys.argv[1]), visavis.__file__\n"
        "main(['new', 'study.yaml'])\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", script, str(site)], cwd=elsewhere, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (elsewhere / "study.yaml").read_text(encoding="utf-8").startswith("# A visavis experiment")
