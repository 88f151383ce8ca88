"""Check, read and measure sets of images, beside Pillow on as many threads in the same run.

    python benchmarks/images.py [MEGAPIXELS]

Prints ratios, peak memory and growth exponents (time against the number of images and of pixels), never bare times.
"""

from __future__ import annotations

import hashlib
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

from visavis.stimuli import STATISTICS, StimulusSet, sample_photographs
from visavis.stimuli.stimulus_set import _processors


def make_set(folder: Path, images: int, megapixels: float, kind: str) -> list[Path]:
    width = round(math.sqrt(megapixels * 1e6 * 4 / 3))
    size = (width, round(width * 3 / 4))
    rng = np.random.default_rng(1)
    grain = rng.normal(0, 4, (size[1], size[0], 1)).astype(np.int16)
    photographs = list(sample_photographs().values())
    paths = []
    for i in range(images):
        scene, rendition = divmod(i, 5)
        whole = np.asarray(Image.fromarray(photographs[scene % 10]).resize(size, Image.Resampling.BICUBIC), np.int16)
        pixels = np.clip(whole + grain + rendition + 7 * (scene // 10), 0, 255).astype(np.uint8)
        path = folder / f"s{scene}" / f"r{rendition}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, **({"quality": 92} if kind == "jpg" else {"compress_level": 4}))
        paths.append(path)
    return paths


def seconds(work: Callable[[], object], runs: int = 1) -> float:
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def in_threads(work: Callable[[Path], object], paths: list[Path]) -> None:
    with ThreadPoolExecutor(min(8, _processors())) as pool:
        list(pool.map(work, paths))


def decode_by_pillow(path: Path) -> None:
    with Image.open(path) as image:
        image.load()


def hash_file(path: Path) -> None:
    hashlib.sha256(path.read_bytes()).digest()


def peak_mib() -> float:
    if sys.platform == "win32":
        return math.nan
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def exponent(sizes: list[float], times: list[float]) -> float:
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])


def checking(folder: Path, kind: str, megapixels: float, counts: list[int]) -> None:
    times = []
    for count in counts:
        part = folder / f"{kind}{count}"
        paths = make_set(part, count, megapixels, kind)
        os.environ["VISAVIS_CACHE"] = str(part / ".cache")
        time.sleep(2.1)  # until files are old enough to be known by their times
        peer = seconds(lambda paths=paths: in_threads(decode_by_pillow, paths))  # type: ignore[misc]
        first = seconds(lambda part=part: StimulusSet.from_folder(part))  # type: ignore[misc]
        hashing = seconds(lambda paths=paths: in_threads(hash_file, paths))  # type: ignore[misc]
        again = seconds(lambda part=part: StimulusSet.from_folder(part), 3)  # type: ignore[misc]
        times.append(first)
        print(
            f"check of {count:4} {kind} of {megapixels:g} Mpx: {first / peer:5.2f} x Pillow, again {again / peer:6.3f} "
            f"x Pillow ({again / hashing:5.2f} x hashing the files), peak {peak_mib():4.0f} MiB"
        )
    print(f"growth exponent, time against images: {exponent([float(count) for count in counts], times):.2f}")


def measuring(megapixels: list[float]) -> None:
    sides = [round(math.sqrt(size * 1e6)) for size in megapixels]
    photograph = Image.fromarray(sample_photographs()["cat"])
    for name, measure in STATISTICS.items():
        times = []
        for side in sides:
            pixels = np.asarray(photograph.resize((side, side)))
            times.append(seconds(lambda pixels=pixels, measure=measure: measure(pixels), 3))  # type: ignore[misc]
        image, mode = Image.fromarray(pixels), "LAB" if "mean" in name else "L"
        grey = seconds(lambda image=image, mode=mode: convert(image, mode), 3)  # type: ignore[misc]
        growth = exponent([float(side**2) for side in sides], times)
        print(f"{name:20} {times[-1] / grey:5.2f} x Pillow's conversion to grey (CIELAB), growth exponent {growth:.2f}")


def convert(image: Image.Image, mode: str) -> Image.Image:
    if mode == "L":
        return image.convert(mode)
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.applyTransform(image, ImageCms.buildTransform(srgb, lab, "RGB", "LAB"))  # type: ignore[return-value]


def main() -> None:
    megapixels = float(sys.argv[1]) if len(sys.argv) > 1 else 12.0
    with tempfile.TemporaryDirectory() as name:
        checking(Path(name), "png", megapixels / 12, [20, 40, 80])
        checking(Path(name), "jpg", megapixels, [5, 10, 20])
    measuring([megapixels / 16, megapixels / 4, megapixels])


if __name__ == "__main__":
    main()
