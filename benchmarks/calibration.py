"""How each number of the comparison estimates what it says: bias, coverage of intervals, size of tests.

python benchmarks/calibration.py [TABLE.COLUMN …] [--studies 1000] [--design NAME …] [--write docs/calibration.md]

Without names all quantities are run in all designs, which takes hours. A row is added in
tests/support/calibrating/registry.py, a design in world.py beside it. `--write` replaces the table in the document.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from calibrating.registry import QUANTITIES
from calibrating.running import calibrate, in_markdown
from calibrating.world import DESIGNS

BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


def main() -> None:
    parser = argparse.ArgumentParser(description="Calibrate the quantities of the comparison.")
    parser.add_argument("names", nargs="*", metavar="TABLE.COLUMN")
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=400)
    parser.add_argument("--design", action="append", choices=list(DESIGNS))
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    chosen = [
        found for found in QUANTITIES if not given.names or any(found.name.startswith(name) for name in given.names)
    ]
    if not chosen:
        parser.error(f"unknown quantity; choose from {', '.join(found.name for found in QUANTITIES)}")
    results = []
    for design in given.design or list(DESIGNS):
        started = time.perf_counter()
        found = calibrate(design, given.studies, chosen, resamples=given.resamples)
        results += found
        print(f"{design}: {given.studies} studies, {time.perf_counter() - started:.0f} s")
        for one in found:
            kind, share = ("size", one.size) if one.quantity.truth is None else ("coverage", one.coverage)
            outside = "" if one.holds else "   outside"
            print(
                f"  {one.quantity.name:32} truth {one.truth:8.3f}  bias {one.bias:+7.3f}  sd {one.error:6.3f}  "
                f"{kind} {100 * share:5.1f} %  without {100 * one.without:5.1f} %{outside}",
                flush=True,
            )
    if given.write:
        page = given.write.read_text(encoding="utf-8")
        before, after = page.split(BEGIN)[0], page.split(END)[1]
        given.write.write_text(f"{before}{BEGIN}\n\n{in_markdown(results)}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
