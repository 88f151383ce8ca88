"""The whole study in simulation, truth beside estimate: people and six models on ten scenes of seven renditions.

python benchmarks/simulated_study.py [PEOPLE] [SEEDS]

One seed prints every figure; several print how far each kind is off on average, and how often its interval holds.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

import pandas as pd
from simulated_study import study, truth_beside_estimate


def main() -> None:
    people, seeds = (int(given) for given in (*sys.argv[1:], *("20", "1")[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as folder:
        tables = [
            truth_beside_estimate(*study(Path(folder), people, scenes=10, seed=seed, resamples=500))
            for seed in range(seeds)
        ]
    if seeds == 1:
        print(f"{tables[0].round(3).to_string(index=False)}\n")
    table = pd.concat(tables)
    print(summary(table, table["figure"].str.split().str[0]).to_string())
    if seeds > 1:
        print(f"\n{summary(table, table['observer'] + ': ' + table['figure']).to_string()}")


def summary(table: pd.DataFrame, kinds: pd.Series) -> pd.DataFrame:
    """Return how far the estimates of each kind of figure are off, and how often intervals hold the truth."""
    error = table["estimate"] - table["truth"]
    told = table["low"].notna()
    inside = table["truth"].between(table["low"] - 1e-9, table["high"] + 1e-9)[told]
    return pd.DataFrame(
        {
            "figures": error.groupby(kinds).size(),
            "truth": table["truth"].groupby(kinds).mean(),
            "mean error": error.groupby(kinds).mean(),
            "mean |error|": error.abs().groupby(kinds).mean(),
            "intervals that hold": inside.groupby(kinds[told]).mean(),
        }
    ).round(3)


if __name__ == "__main__":
    main()
