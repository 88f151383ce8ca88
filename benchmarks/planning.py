"""Plan one million trials; print time and memory beside the plainest thing that could be done instead.

The peer makes a list of tuples (attribute, scene, first, second, repetition) and shuffles it: no sides, no blocks, no
separation of repeats, no ids. Run: python benchmarks/planning.py
"""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable
from itertools import combinations, product

from visavis.experiments import Definition, make_plan

SCENES = [f"scene{i}" for i in range(100)]
RENDITIONS = [f"c{i}" for i in range(8)]
ATTRIBUTES = ("contrast", "colorfulness", "preference")
REPETITIONS = 120


def definition() -> Definition:
    questions = {name: {"question": f"Which image has more {name}?"} for name in ATTRIBUTES}
    return Definition.from_dict(
        {
            "visavis": 1,
            "name": "million",
            "seed": 1,
            "stimuli": {"folder": "images"},
            "attributes": questions,
            "repetitions": REPETITIONS,
        }
    )


def plain_shuffle() -> list[tuple[str, str, tuple[str, str], int]]:
    trials = list(product(ATTRIBUTES, SCENES, combinations(RENDITIONS, 2), range(REPETITIONS)))
    random.Random(1).shuffle(trials)
    return trials


def seconds_and_mib(work: Callable[[], object]) -> tuple[float, float]:
    start = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - start
    del result
    tracemalloc.start()
    result = work()
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    del result
    return seconds, peak


def main() -> None:
    asked = definition()
    plan = make_plan(asked, SCENES, RENDITIONS, "P1")
    work: dict[str, Callable[[], object]] = {
        "make_plan": lambda: make_plan(asked, SCENES, RENDITIONS, "P1"),
        "plan to table": plan.to_frame,
        "plan to CSV": plan.to_csv,
        "shuffled list of tuples (peer)": plain_shuffle,
    }
    print(f"{len(plan):,} trials")
    measured = {name: seconds_and_mib(job) for name, job in work.items()}
    peer = measured["shuffled list of tuples (peer)"]
    for name, (seconds, mib) in measured.items():
        print(f"{name:32} {seconds:6.2f} s {seconds / peer[0]:5.2f}× {mib:7.0f} MiB peak {mib / peer[1]:5.2f}×")


if __name__ == "__main__":
    main()
