"""What is kept when logs are damaged, sessions begin at once, and commands are killed; prints counts, not times.

- 600 single bits of a log flip: how many are refused with file and line, read unchanged, changed without a word, or a
  traceback.
- 60 times four processes begin one session at once: who ran, who was refused with which words, and what is left.
- ``import``, ``export`` and ``report`` are killed 50 times each at a moment drawn at random: is what is there the old,
  the new, or none, and is it whole?

Run: python benchmarks/robustness.py [flips] [starts] [kills]
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import random
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from visavis import Experiment, create_observer, load_trials, run
from visavis.experiments import SessionError

OPTIONS = {"statistics": {"contrast": "rms_contrast"}, "lapse": 0.1}
STUDY = """visavis: 1
name: study
stimuli: {folder: images}
attributes: {contrast: {question: Which image has the higher contrast?}}
repetitions: 2
seed: SEED
"""


def study(folder: Path) -> Path:
    """Write images of two scenes and two definitions."""
    draw = np.random.default_rng(1)
    for scene in ("harbour", "garden"):
        (folder / "images" / scene).mkdir(parents=True)
        for step, name in enumerate(("low", "mid", "high"), start=1):
            pixels = np.clip(128 + 25 * step * draw.normal(size=(48, 64, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "images" / scene / f"{name}.png")
    for seed in (1, 2):
        (folder / f"study{seed}.yaml").write_text(STUDY.replace("SEED", str(seed)), encoding="utf-8")
    return folder


def answer(folder: Path, observer: str = "P1", *, seed: int = 1) -> None:
    run(
        Experiment.load(folder / f"study{seed}.yaml"),
        create_observer(f"simulated:{observer}", OPTIONS),
        folder / "results",
        warn=[].append,
    )


def flips(folder: Path, count: int) -> Counter[str]:
    answer(folder)
    log = folder / "results" / "P1" / "1" / "events.jsonl"
    whole = log.read_bytes()

    def choices() -> dict[str, Any]:
        return dict(load_trials(folder / "results", strict=True).set_index("trial")["choice"])

    reference, draw, found = choices(), random.Random(3), Counter[str]()
    for _ in range(count):
        place = draw.randrange(len(whole))
        changed = bytearray(whole)
        changed[place] ^= 1 << draw.randrange(8)
        log.write_bytes(bytes(changed))
        try:
            found["read unchanged" if choices() == reference else "changed without a word"] += 1
        except SessionError as error:
            found["refused with file and line" if "events.jsonl: line" in str(error) else "refused without a line"] += 1
        except Exception as error:  # a traceback is what is counted
            found[f"traceback: {type(error).__name__}"] += 1
    log.write_bytes(whole)
    return found


def begin(definition: Path, results: Path, barrier: Any, outcomes: Any) -> None:
    experiment = Experiment.load(definition)
    observer = create_observer("simulated:P1", OPTIONS)
    barrier.wait()
    try:
        done = run(experiment, observer, results, warn=[].append)
        outcomes.put("ran" if done.complete else "ran, incomplete")
    except SessionError as error:
        words = str(error)
        known = ("another process is running", "another definition")
        outcomes.put(next((f"refused: {one}" for one in known if one in words), f"refused: {words[-80:]}"))
    except Exception as error:  # a traceback is what is counted
        outcomes.put(f"traceback: {type(error).__name__}")


def starts(folder: Path, times: int) -> Counter[str]:
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    found = Counter[str]()
    for number in range(times):
        results = folder / "race"
        shutil.rmtree(results, ignore_errors=True)
        barrier, outcomes = context.Barrier(4), context.Queue()
        seeds = (1, 1, 1, 1) if number % 4 else (1, 1, 2, 2)
        processes = [
            context.Process(target=begin, args=(folder / f"study{seed}.yaml", results, barrier, outcomes))
            for seed in seeds
        ]
        for process in processes:
            process.start()
        came = [outcomes.get(timeout=120) for _ in processes]
        for process in processes:
            process.join()
        found.update(came)
        try:
            trials = load_trials(results, strict=True)
            found["after: readable, each trial once" if trials["trial"].is_unique else "after: doubled trials"] += 1
        except SessionError:
            found["after: unreadable"] += 1
        found["after: nobody ran"] += not any(one.startswith("ran") for one in came)
    return +found


def hashes(path: Path) -> dict[str, str]:
    """Return a hash of each file in or below a path, the files being written aside."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return {
        file.name if file == path else file.relative_to(path).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if ".part" not in str(file.relative_to(path.parent))
    }


def kills(folder: Path, words: list[str], output: Path, count: int, *, old: bool) -> Counter[str]:
    """Kill a command at random moments; with `old`, an earlier output is there each time."""
    command = [sys.executable, "-m", "visavis", *words]

    def clear() -> None:
        shutil.rmtree(output, ignore_errors=True)
        output.unlink(missing_ok=True)

    clear()
    began = time.monotonic()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    lasts = time.monotonic() - began
    whole, draw, found = hashes(output), random.Random(5), Counter[str]()
    names = {name: {one} for name, one in whole.items()}
    for _ in range(count):
        if not old:
            clear()
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            time.sleep(lasts * draw.uniform(0.2, 1.0))
            process.kill()
        now = hashes(output) if output.exists() else {}
        if now.keys() != names.keys():
            found["none" if not now else "PART OF IT"] += 1
        else:
            same = all(one in names[name] or _as_whole(output, name) for name, one in now.items())
            found["whole" if same else "DAMAGED"] += 1
    return found


def _as_whole(output: Path, name: str) -> bool:
    """Whether a file that has times in it ends as it should."""
    file = output if output.is_file() else output / name
    if name.endswith(".json"):
        return bool(json.loads(file.read_text(encoding="utf-8")))
    return (
        file.read_bytes().rstrip().endswith((b"</html>", b"%%EOF", b"</svg>", b"}", b"IEND\xaeB`\x82", b"\\end{table}"))
    )


def main() -> None:
    flip_count, start_count, kill_count = (
        int(one) for one in (*sys.argv[1:], *("600", "60", "50")[len(sys.argv) - 1 :])
    )
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as place:
        folder = study(Path(place))
        print(f"{flip_count} flips in a log:", dict(flips(folder, flip_count)))
        print(f"{4 * start_count} simultaneous starts:", dict(starts(folder, start_count)))
        for number in range(2, 6):
            answer(folder, f"P{number}")
        rows = "\n".join(f"P{i % 20},1,s{i % 7},a{i % 5},b{i % 4},{i % 2}" for i in range(60_000))
        head = "observer,session_id,scene,condition_A,condition_B,is_A_selected\n"
        (folder / "many.csv").write_text(f"{head}{rows}\n", encoding="utf-8")
        commands = {
            "import": (
                ["import", "many.csv", "--layout", "pwcmp", "-o", "elsewhere/many"],
                "elsewhere/many.trials.csv",
            ),
            "export": (["export", "results"], "all.trials.csv"),
            "export --format bids": (["export", "results", "--format", "bids"], "bids"),
            "report": (["report", "--people", "P[1-4]", "--resamples", "20"], "report"),
        }
        for name, (words, output) in commands.items():
            for old in (False,) if "bids" in name else (False, True):
                found = kills(folder, words, folder / output, kill_count, old=old)
                print(f"{kill_count} kills of {name}{' over an older one' if old else ''}:", dict(found))


if __name__ == "__main__":
    main()
