"""Trials of a hosted model against a local server, beside the bare SDK on the same work in the same run.

    python benchmarks/hosted_models.py [TRIALS]

Each contender runs in a process of its own, two 512 x 512 PNGs a trial, 50 ms latency, 64 at once. The bare SDK is
used as its documentation shows: read two files, base64, `responses.create`.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LATENCY_S, AT_ONCE, SIZE = 0.05, 64, 512
REPLY = json.dumps(
    {
        "id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-5.2", "status": "completed",
        "parallel_tool_calls": False, "tool_choice": "auto", "tools": [],
        "output": [{"type": "message", "id": "m", "role": "assistant", "status": "completed",
                    "content": [{"type": "output_text", "text": '{"answer": "A"}', "annotations": []}]}],
        "usage": {"input_tokens": 700, "output_tokens": 9, "total_tokens": 709,
                  "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}},
    }
).encode()  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        left = int(self.headers["content-length"])
        while left:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        time.sleep(LATENCY_S)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(REPLY)))
        self.end_headers()
        self.wfile.write(REPLY)

    def log_message(self, *args: object) -> None: ...


def study(folder: Path, trials: int) -> None:
    """Write five scenes of eight renditions, and a definition with at least so many trials."""
    import numpy as np

    from visavis.stimuli import encode_png

    smooth = np.random.default_rng(0).normal(128, 30, (5, SIZE, SIZE, 3)).cumsum(axis=1).cumsum(axis=2)
    for scene, picture in enumerate(smooth):
        picture = 255 * (picture - picture.min()) / np.ptp(picture)
        for rendition in range(8):
            noise = np.random.default_rng(rendition).normal(0, 3, picture.shape)
            path = folder / "images" / f"s{scene}" / f"r{rendition}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_png(np.clip(picture + noise, 0, 255).astype(np.uint8)))
    repetitions = -(-trials // (5 * 28))
    (folder / "study.yaml").write_text(
        f"visavis: 1\nname: bench\nseed: 1\nrepetitions: {repetitions}\nstimuli: {{folder: images}}\n"
        "attributes: {contrast: {question: Which image has the higher contrast?}}\n"
    )


def visavis(folder: Path, url: str, trials: int) -> None:
    from visavis import Experiment, create_observer, run

    observer = create_observer("openai:gpt-5.2", {"base_url": url, "concurrency": AT_ONCE})
    result = run(Experiment.load(folder / "study.yaml"), observer, folder / "results", limit=trials)
    assert result.outcomes == {"choice": trials}


def bare(folder: Path, url: str, trials: int) -> None:
    from openai import OpenAI

    client = OpenAI(api_key="k", base_url=url)
    files = sorted((folder / "images").rglob("*.png"))

    def ask(trial: int) -> str:
        content: list[object] = []
        for path in (files[trial % 40], files[(trial + 1) % 40]):
            url = f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
            content.append({"type": "input_image", "image_url": url, "detail": "high"})
        content.append({"type": "input_text", "text": "Which image has the higher contrast? Answer A or B."})
        asked: Any = [{"role": "user", "content": content}]
        return client.responses.create(model="gpt-5.2", input=asked).output_text

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert len(list(pool.map(ask, range(trials)))) == trials


def contender(name: str, folder: Path, url: str, trials: int) -> None:
    """Run one contender in this process and print what it took beyond loading."""
    {"visavis": visavis, "bare": bare}[name](folder, url, AT_ONCE)
    before, begun = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    if name == "visavis":
        (folder / "results").rename(folder / "warm")
    {"visavis": visavis, "bare": bare}[name](folder, url, trials)
    after, wall = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - begun
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"cpu_ms": 1000 * cpu / trials, "per_s": trials / wall, "peak_mib": after.ru_maxrss / 1024}))


def main() -> None:
    if len(sys.argv) == 5:
        contender(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
        return
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.request_queue_size = 128
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/v1"
    found: dict[str, list[dict[str, float]]] = {}
    for name in ("bare", "visavis"):
        for count in (trials // 4, trials):
            with tempfile.TemporaryDirectory() as folder:
                study(Path(folder), trials)
                command = [sys.executable, __file__, name, folder, url, str(count)]
                environment = os.environ | {"OPENAI_API_KEY": "k"}
                output = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
            taken = json.loads(output.splitlines()[-1])
            found.setdefault(name, []).append(taken)
            print(f"{name:8} {count:6} trials  {taken['cpu_ms']:6.2f} ms CPU a trial  {taken['per_s']:6.1f} trials/s  "
                  f"{taken['peak_mib']:6.0f} MiB")  # fmt: skip
    ours, theirs = found["visavis"][-1], found["bare"][-1]
    print(f"CPU a trial, ours over the bare SDK's: {ours['cpu_ms'] / theirs['cpu_ms']:.2f}")
    print(f"trials a second, ours over theirs: {ours['per_s'] / theirs['per_s']:.2f}")
    growth = found["visavis"][1]["peak_mib"] - found["visavis"][0]["peak_mib"]
    ratio = ours["peak_mib"] / theirs["peak_mib"]
    print(f"peak memory, ours over theirs: {ratio:.2f}; four times the trials: {growth:+.0f} MiB")


if __name__ == "__main__":
    main()
