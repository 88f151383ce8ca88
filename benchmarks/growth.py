"""How the work on a study grows with it: growth exponents, peak memory, and a plain peer in the same run.

    python benchmarks/growth.py [--size small|medium|large] [--axis rows|scenes|observers] [WORK ...]

WORK is one or more of the names in `WORKS`, by default all. A growth exponent is the slope of log time against log size
over the sizes of one axis: 1 is proportional. Each measurement runs in a process of its own, whose peak memory is given
above that of the bare imports. Studies are real session folders: up to 16 observers are run, further ones get copies of
their logs.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from visavis import Experiment, Observer, Response, Trial, create_observer, run
from visavis.experiments.session import EVENTS, MANIFEST, PLAN, _manifest_text, read_manifest
from visavis.stimuli import encode_png

ATTRIBUTES = ("contrast", "colorfulness", "preference")
RENDITIONS = tuple(f"r{i}" for i in range(7))


@dataclass(frozen=True)
class Study:
    """Size of a study: each observer is asked 3 attributes x scenes x 21 pairs x repetitions."""

    scenes: int = 5
    repetitions: int = 2
    people: int = 6
    models: int = 4

    @property
    def trials(self) -> int:
        return len(ATTRIBUTES) * self.scenes * len(RENDITIONS) * (len(RENDITIONS) - 1) // 2 * self.repetitions

    @property
    def rows(self) -> int:
        return (self.people + self.models) * self.trials


AXES = {
    "rows": {
        "small": [Study(repetitions=r) for r in (2, 4, 8)],
        "medium": [Study(repetitions=r) for r in (4, 16, 64)],
        "large": [Study(repetitions=r) for r in (32, 96, 320)],
    },
    "scenes": {
        "small": [Study(scenes=s, repetitions=1) for s in (5, 10, 20)],
        "medium": [Study(scenes=s, repetitions=1) for s in (10, 30, 120)],
        "large": [Study(scenes=s, repetitions=2) for s in (30, 120, 360)],
    },
    "observers": {
        "small": [Study(repetitions=1, people=n) for n in (6, 16, 36)],
        "medium": [Study(repetitions=1, people=n) for n in (16, 96, 296)],
        "large": [Study(repetitions=1, people=n) for n in (96, 296, 996)],
    },
}


def experiment(folder: Path, study: Study) -> Experiment:
    rng = np.random.default_rng(0)
    for scene in range(study.scenes):
        for rendition in RENDITIONS:
            path = folder / "images" / f"s{scene:03}" / f"{rendition}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_png(rng.integers(0, 256, (2, 2, 3), dtype=np.uint8)))
    return Experiment.from_dict(
        {
            "visavis": 1,
            "name": "growth",
            "seed": 1,
            "repetitions": study.repetitions,
            "stimuli": {"folder": "images"},
            "attributes": {name: {"question": f"Which image has more {name}?"} for name in ATTRIBUTES},
        },
        folder,
    )


PROVENANCE = {
    "prompt_sha256": "5f" * 32,
    "stimuli": {side: {"sha256": "a7" * 32, "width": 512, "height": 512} for side in ("left", "right")},
    "reply": '{"answer": "A"}',
    "requested_model": "model-1",
    "served_model": "model-1-2026-01-01",
    "tokens": {"input": 2100, "cached": 1024, "output": 9, "reasoning": 0},
    "cost_usd": 0.0021,
    "tries": 1,
}
"""Of the size that a hosted model's answers have."""


class Answering(Observer):
    """A simulated observer that answers at once, with as much provenance as a hosted model."""

    kind = "simulated"

    def __init__(self, name: str, sensitivity: float) -> None:
        self.name = name
        values = {name: {r: 0.3 * i for i, r in enumerate(RENDITIONS)} for name in ATTRIBUTES}
        options = {"values": values, "sensitivity": sensitivity, "individual_sd": 0.3}
        self._inner = create_observer("simulated", options, name=name)

    def prepare(self, experiment: Experiment) -> list[str]:
        return self._inner.prepare(experiment)

    def respond(self, trials: Sequence[Trial]) -> Iterator[Response]:
        for response in self._inner.respond(trials):
            yield replace(response, provenance=PROVENANCE)


def write_study(folder: Path, study: Study) -> Path:
    """Write `study` as session folders below `folder`; return the folder of the results."""
    asked, results = experiment(folder, study), folder / "results"
    done = [
        run(asked, Answering(f"T{i}", 0.5 + i / 16), folder / "templates", progress=False).folder
        for i in range(min(16, study.people + study.models))
    ]
    for i in range(study.people + study.models):
        name, kind = (f"P{i:04}", "human") if i < study.people else (f"M{i - study.people:03}", "vlm")
        there, template = results / name / "1", done[i % len(done)]
        there.mkdir(parents=True)
        manifest = replace(read_manifest(template), observer=name, observer_kind=kind, id=f"{i:032x}")
        for file in (PLAN, EVENTS):
            shutil.copy(template / file, there / file)
        (there / MANIFEST).write_bytes(_manifest_text(manifest).encode())
    return results


def command(*arguments: str) -> Callable[[Path], object]:
    """Return work that is a command of the command line on a study's results."""

    def work(results: Path) -> None:
        from visavis.cli import main

        with redirect_stdout(io.StringIO()):
            main([a.format(results=results) for a in arguments], standalone_mode=False)

    return work


def load(results: Path) -> object:
    from visavis import load_trials

    return load_trials(results)


def plan(results: Path) -> object:
    return study_of(results).plan("P1").to_csv()


def study_of(results: Path) -> Experiment:
    manifest = read_manifest(next(results.rglob(MANIFEST)).parent)
    return Experiment.from_dict(manifest.definition, results.parent)


def ask(results: Path) -> object:
    return run(study_of(results), Answering("A", 1.0), results.parent / "asked", progress=False)


def resume(results: Path) -> object:
    asked, where = study_of(results), results.parent / "resumed"
    for name in ("one", "two"):
        run(asked, Answering("A", 1.0), where, progress=False, session=name, limit=1)
    started = time.perf_counter()
    run(asked, Answering("A", 1.0), where, progress=False, session="one", limit=1)
    return Taken(time.perf_counter() - started)


@dataclass(frozen=True)
class Taken:
    """Seconds that work took without its preparation."""

    seconds: float


def fit(results: Path) -> object:
    from visavis import count_choices, fit_scale, load_trials

    trials = load_trials(results)
    started = time.perf_counter()
    fit_scale(count_choices(trials, ("observer", "attribute", "scene")), prior_sd=1.0)
    return Taken(time.perf_counter() - started)


def comparison(results: Path) -> object:
    from visavis import compare, load_trials

    trials = load_trials(results)
    started = time.perf_counter()
    compare(trials)
    return Taken(time.perf_counter() - started)


def report(results: Path) -> object:
    from visavis import compare, load_trials, write_report

    compared = compare(load_trials(results))
    started = time.perf_counter()
    write_report(compared, results.parent / "report")
    return Taken(time.perf_counter() - started)


def parse_lines(results: Path) -> object:
    """Parse every line of every log, and nothing else."""
    return [[json.loads(line) for line in path.read_bytes().splitlines()] for path in sorted(results.rglob(EVENTS))]


def parse_by_polars(results: Path) -> object:
    import polars as pl

    fields = ("event", "trial", "outcome", "choice", "p_left", "response_time_s", "onset", "answered_at", "attempts")
    schema = dict.fromkeys(fields, pl.String)
    logs = [pl.read_ndjson(path, schema=schema) for path in sorted(results.rglob(EVENTS))]
    return pl.concat(logs)


def count_lines(results: Path) -> object:
    return [path.read_bytes().count(b"\n") for path in results.rglob(EVENTS)]


WORKS: dict[str, Callable[[Path], object]] = {
    "plan": plan,
    "ask": ask,
    "resume": resume,
    "load": load,
    "status": command("status", "{results}"),
    "costs": command("costs", "{results}"),
    "export": command("export", "{results}", "-o", "{results}/../export.csv"),
    "fit": fit,
    "compare": comparison,
    "report": report,
}
PEERS: dict[str, Callable[[Path], object]] = {
    "json.loads of each line": parse_lines,
    "polars reads the logs": parse_by_polars,
    "read and count lines": count_lines,
}


def peak_mib() -> float:
    if sys.platform == "win32":
        return float("nan")
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def measure_here(name: str, results: Path) -> None:
    work = {**WORKS, **PEERS}[name]
    for module in ("visavis.cli", "visavis.observers.accounts", "visavis.scaling", "visavis.scaling.report"):
        importlib.import_module(module)
    before = peak_mib()
    started = time.perf_counter()
    outcome = work(results)
    seconds = outcome.seconds if isinstance(outcome, Taken) else time.perf_counter() - started
    print(json.dumps([seconds, peak_mib() - before]))


def measure(name: str, results: Path) -> tuple[float, float]:
    """Return seconds and MiB that `name` takes in a process of its own; the better of two short ones."""
    best = float("inf"), 0.0
    for _ in range(2):
        arguments = [sys.executable, "-W", "ignore", __file__, "--here", name, str(results)]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{name}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            return float("nan"), float("nan")
        seconds, mib = json.loads(done.stdout.splitlines()[-1])
        best = min(best, (seconds, mib))
        if seconds > 5:
            break
    return best


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def grow(axis: str, size: str, works: Sequence[str]) -> pd.DataFrame:
    """Measure `works` over the sizes of one axis; return a row for each."""
    studies = AXES[axis][size]
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in (*works, *PEERS)}
    for study in studies:
        with tempfile.TemporaryDirectory() as folder:
            results = write_study(Path(folder), study)
            for name, found in taken.items():
                found.append(measure(name, results))
    sizes = [{"rows": s.rows, "scenes": s.scenes, "observers": s.people + s.models}[axis] for s in studies]
    peers = {name: taken[name][-1][0] for name in PEERS}
    rows = []
    for name, found in taken.items():
        seconds, mib = found[-1]
        ratios = {f"/ {peer}": seconds / of_peer for peer, of_peer in peers.items()}
        per_row = 1e6 * seconds / studies[-1].rows
        growth = exponent(sizes, [s for s, _ in found])
        rows.append({"work": name, axis: sizes[-1], "exponent": growth, "µs a row": per_row, "MiB": mib, **ratios})
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("works", nargs="*", metavar="WORK", help=", ".join(WORKS))
    parser.add_argument("--size", choices=["small", "medium", "large"], default="small")
    parser.add_argument("--axis", choices=list(AXES), action="append")
    parser.add_argument("--here", nargs=2, metavar=("NAME", "RESULTS"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.here:
        measure_here(asked.here[0], Path(asked.here[1]))
        return
    for axis in asked.axis or AXES:
        sizes = ", ".join(f"{study.rows:,}" for study in AXES[axis][asked.size])
        print(f"\n{axis}: studies of {sizes} rows")
        table = grow(axis, asked.size, asked.works or list(WORKS))
        print(table.to_string(index=False, float_format=lambda value: f"{value:.2f}"), flush=True)


if __name__ == "__main__":
    main()
