"""Trials a second of a local model, in batches beside one at a time, and how far their answers differ, in one run.

    python benchmarks/local_models.py [FOLDER_OR_MODEL] [TRIALS] [KEY=VALUE …]

Without a model it builds a tiny random Qwen3-VL, on which the overhead of each call weighs most.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from visavis import Experiment, create_observer
from visavis.stimuli import sample_stimuli


def ask(model: str, experiment: Experiment, trials: int, **options: object) -> tuple[float, dict[str, float | None]]:
    """Return trials a second, and the soft choice of every trial."""
    observer = create_observer(f"transformers:{model}", options)
    observer.prepare(experiment)
    plan = list(experiment.plan("bench"))
    list(observer.respond(plan[:32]))  # warm
    begun = time.perf_counter()
    soft = {response.trial: response.p_left for response in observer.respond(plan[:trials])}
    rate = len(soft) / (time.perf_counter() - begun)
    print(f"  {observer.describe()['device']} {observer.describe()['dtype']} {options}: {rate:.2f} trials/s")
    observer.close()
    return rate, soft


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sample_stimuli(folder / "images")
        (folder / "study.yaml").write_text(
            "visavis: 1\nname: bench\nseed: 1\nstimuli: {folder: images}\n"
            "attributes: {contrast: {question: Which image has the higher contrast?}}\n"
        )
        if len(sys.argv) > 1:
            model = sys.argv[1]
        else:
            sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
            from tiny_models import make_qwen

            model = str(make_qwen(folder / "tiny"))
        trials = int(sys.argv[2]) if len(sys.argv) > 2 else 200
        options = dict(argument.split("=", 1) for argument in sys.argv[3:])
        experiment = Experiment.load(folder / "study.yaml")
        single, alone = ask(model, experiment, trials, batch_size=1, **options)
        batched, together = ask(model, experiment, trials, **options)
        print(f"batched over one at a time: {batched / single:.2f}")
        pairs = [(p, together[trial]) for trial, p in alone.items()]
        known = [abs(one - other) for one, other in pairs if one is not None and other is not None]
        if known:
            print(f"max difference of p_left between the two: {max(known):.1e}")


if __name__ == "__main__":
    main()
