"""Images are decoded once and not at each command, and what is remembered is never believed over the files."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from visavis.stimuli import StimulusError, StimulusSet, stimulus_set
from visavis.stimuli.known_images import KnownImages, cache_folder
from visavis.stimuli.pixels import Examined, examine


def save(path: Path, seed: int, age_s: float = 60) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)).save(path)
    at = time.time() - age_s
    os.utime(path, (at, at))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VISAVIS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("visavis.stimuli.known_images._SETTLED_NS", 0)  # as if the files were written long ago
    for seed, name in enumerate(("x", "y", "z")):
        save(tmp_path / "images" / "s" / f"{name}.png", seed)
    return tmp_path / "images"


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many files were opened and how many decoded."""
    counts = {"opened": 0, "decoded": 0}
    lock = threading.Lock()

    def read_file(path: Path) -> bytes:
        with lock:
            counts["opened"] += 1
        return path.read_bytes()

    def counting(data: bytes) -> Examined:
        with lock:
            counts["decoded"] += 1
        return examine(data)

    monkeypatch.setattr(stimulus_set, "read_file", read_file)
    monkeypatch.setattr(stimulus_set, "examine", counting)
    return counts


def test_the_second_reading_opens_no_file_and_gives_the_same(folder: Path, work: dict[str, int]) -> None:
    first = StimulusSet.from_folder(folder)
    assert work == {"opened": 3, "decoded": 3}
    assert list(StimulusSet.from_folder(folder).values()) == list(first.values())
    assert work == {"opened": 3, "decoded": 3}


def test_a_moved_or_touched_file_is_read_but_not_decoded(folder: Path, work: dict[str, int]) -> None:
    StimulusSet.from_folder(folder)
    os.utime(folder / "s" / "x.png")
    (folder / "s" / "y.png").rename(folder / "s" / "a.png")
    assert StimulusSet.from_folder(folder).renditions == ("a", "x", "z")
    assert work == {"opened": 5, "decoded": 3}


def test_a_file_of_the_same_size_and_time_with_other_content_is_seen(folder: Path, work: dict[str, int]) -> None:
    before = StimulusSet.from_folder(folder)["s", "x"]
    stamp = before.path.stat()
    other = before.path.with_name("other.bmp")
    Image.fromarray(before.pixels()[::-1]).save(other)
    same_size = other.read_bytes()[: stamp.st_size].ljust(stamp.st_size, b"\0")
    other.unlink()
    before.path.write_bytes(same_size)
    os.utime(before.path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    after = StimulusSet.from_folder(folder)["s", "x"]
    assert after.sha256 != before.sha256
    assert not np.array_equal(after.pixels(), Image.open(folder / "s" / "y.png"))


def test_a_file_written_a_moment_ago_is_read_again(
    folder: Path, work: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("visavis.stimuli.known_images._SETTLED_NS", 3600 * 10**9)
    StimulusSet.from_folder(folder)
    StimulusSet.from_folder(folder)
    assert work == {"opened": 6, "decoded": 3}


def test_an_image_that_changes_after_the_check_is_still_refused_when_it_is_shown(folder: Path) -> None:
    StimulusSet.from_folder(folder)
    stimulus = StimulusSet.from_folder(folder)["s", "x"]
    save(stimulus.path, 99)
    for ask in (stimulus.pixels, stimulus.encoded):
        with pytest.raises(StimulusError, match="changed since it was checked"):
            ask()


def test_a_file_saved_anew_with_the_same_pixels_is_shown_and_sent_as_it_is_now(folder: Path) -> None:
    stimulus = StimulusSet.from_folder(folder)["s", "x"]
    pixels = stimulus.pixels()
    Image.fromarray(np.dstack([pixels, np.full((4, 6), 255, np.uint8)])).save(stimulus.path)
    assert np.array_equal(stimulus.pixels(), pixels)
    data, media_type = stimulus.encoded()
    assert data != stimulus.path.read_bytes(), "alpha would let another reader interpret it"
    assert media_type == "image/png"


@pytest.mark.parametrize("damage", ["deleted", "garbage", "no folder", "off", "wrong values", "other rules"])
def test_without_a_usable_cache_everything_works(
    folder: Path, work: dict[str, int], monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    whole = StimulusSet.from_folder(folder)
    (kept,) = Path(os.environ["VISAVIS_CACHE"]).iterdir()
    if damage == "deleted":
        kept.unlink()
    elif damage == "garbage":
        kept.write_bytes(b"no database at all" * 1000)
    elif damage == "no folder":
        monkeypatch.setenv("VISAVIS_CACHE", str(folder / "s" / "x.png"))
    elif damage == "off":
        monkeypatch.setenv("VISAVIS_CACHE", "off")
    elif damage == "other rules":
        monkeypatch.setattr("visavis.stimuli.known_images.READING_RULES", -1)
    else:
        connection = sqlite3.connect(kept)
        with connection:
            connection.execute("UPDATE images SET pixels_sha256 = 'f', width = 99")
        connection.close()
    again = StimulusSet.from_folder(folder)
    assert list(again.values()) == list(whole.values())
    assert work["decoded"] == 6


def test_many_threads_read_and_write_one_memory(tmp_path: Path) -> None:
    save(tmp_path / "x.png", 1)
    found = examine((tmp_path / "x.png").read_bytes())

    def use() -> None:
        for _ in range(20):
            with KnownImages(tmp_path / "cache") as known:
                known.remember([(tmp_path / "x.png", found)])
                known.find(found.sha256)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with KnownImages(tmp_path / "cache") as known:
        assert known.find(found.sha256) == found


def test_the_cache_lies_where_the_system_keeps_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISAVIS_CACHE", "off")
    assert cache_folder() is None
    monkeypatch.delenv("VISAVIS_CACHE")
    found = cache_folder()
    assert found is not None
    assert "visavis" in found.parts
    assert found.is_absolute()
