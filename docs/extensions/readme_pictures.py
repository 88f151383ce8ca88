"""Draw the pictures that the README shows, by the demo: `python docs/extensions/readme_pictures.py`.

They are committed, since a README is read where nothing is built. A test draws them again and compares.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

PICTURES = ("alignment", "weights")
FOLDER = Path(__file__).parents[1] / "pictures"

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_TEXT = re.compile(r"<text[^>]*>([^<]*)</text>")
_PLACES = re.compile(r'(?:\bd|\bx|\by|width|height|transform)="([^"]*)"')


def words_and_places(svg: str) -> tuple[list[str], list[float]]:
    """Return what a drawing says and where everything stands in it, whatever its elements are called."""
    numbers = [float(number) for place in _PLACES.findall(svg) for number in _NUMBER.findall(place)]
    return _TEXT.findall(svg), numbers


def main() -> None:
    """Run the demo and copy its figures."""
    from visavis.demo import run_demo

    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        run_demo(Path(folder), 12, print)
        for name in PICTURES:
            shutil.copyfile(Path(folder) / "report" / f"{name}.svg", FOLDER / f"{name}.svg")


if __name__ == "__main__":
    main()
