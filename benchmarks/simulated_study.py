"""The whole study in simulation, truth beside estimate: 20 people and six models on ten scenes of seven renditions.

python benchmarks/simulated_study.py [PEOPLE]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

import pandas as pd
from simulated_study import study, truth_beside_estimate


def main() -> None:
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as folder:
        table = truth_beside_estimate(*study(Path(folder), people, scenes=10))
    print(table.round(3).to_string(index=False))
    kinds = table["figure"].str.split().str[0]
    error = table["estimate"] - table["truth"]
    told = table[table["low"].notna()]
    inside = told["truth"].between(told["low"] - 1e-9, told["high"] + 1e-9)
    summary = {
        "mean |estimate - truth|": error.abs().groupby(kinds).mean(),
        "mean estimate - truth": error.groupby(kinds).mean(),
        "intervals that hold the truth": inside.groupby(kinds).mean(),
    }
    print(f"\n{pd.DataFrame(summary).round(3).to_string()}")


if __name__ == "__main__":
    main()
