"""Stimuli: scenes x renditions, every file read and checked before anything is shown."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from .known_images import KnownImages, cache_folder
from .pixels import Examined, Pixels, decode, encode_png, examine, pixel_hash, read_file
from .sources import (
    Entry,
    Listing,
    StimulusError,
    entries_from_folder,
    entries_from_manifest,
    natural_key,
    near_miss,
    nfc,
)
from .statistics import STATISTICS
from .unusable import UnusableImage

if TYPE_CHECKING:
    import pandas as pd

_MOST_THREADS = 8


@dataclass(frozen=True, slots=True)
class Stimulus:
    """One image: one rendition of one scene.

    Attributes
    ----------
    scene, rendition : str
    path : Path
    sha256 : str
        Of the file.
    pixels_sha256 : str
        Of size and pixels; two files that show the same have the same.
    width, height : int
        In pixels, as shown (after EXIF rotation).
    media_type : str
        Of the file, such as ``image/png``.
    verbatim : bool
        Whether the file itself shows these pixels to anyone who decodes it plainly.
    """

    scene: str
    rendition: str
    path: Path
    sha256: str
    pixels_sha256: str
    width: int
    height: int
    media_type: str
    verbatim: bool

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.width, self.height

    def pixels(self) -> Pixels:
        """Read the image.

        Returns
        -------
        uint8 array, shape (height, width, 3)
            sRGB, row 0 at the top.

        Raises
        ------
        StimulusError
            If the file is gone, or no longer shows what it showed when the set was checked.
        """
        return self._read()[1]

    def statistic(self, name: str) -> float:
        """Measure the image by one of `STATISTICS`; computed once, since the pixels cannot change.

        Raises
        ------
        KeyError
            If there is no such statistic.
        StimulusError
            As `pixels`.
        """
        return _statistic(self, name)

    def encoded(self) -> tuple[bytes, str]:
        """Return a file that shows exactly these pixels, and its media type.

        The file itself, byte for byte, where it is plain sRGB; a lossless PNG of the pixels where a colour profile,
        a rotation or an alpha channel would leave room for another reading.

        Raises
        ------
        StimulusError
            As `pixels`.
        """
        if self.verbatim:
            data = self._unchanged_file()
            return (data, self.media_type) if data is not None else self._changed_file()
        return encode_png(self.pixels()), "image/png"

    def _changed_file(self) -> tuple[bytes, str]:
        """Return the file where it was saved anew and shows the same pixels."""
        data, pixels = self._read()
        now = examine(data)
        return (data, now.media_type) if now.verbatim else (encode_png(pixels), "image/png")

    def _unchanged_file(self) -> bytes | None:
        """Return the file's bytes if they are those that were checked, and so show the pixels that were checked."""
        data = self._data()
        return data if hashlib.sha256(data).hexdigest() == self.sha256 else None

    def _data(self) -> bytes:
        try:
            return read_file(self.path)
        except UnusableImage as error:
            raise StimulusError(str(self.path), [str(error)]) from error

    def _read(self) -> tuple[bytes, Pixels]:
        data = self._data()
        try:
            pixels = decode(data).pixels
        except UnusableImage as error:
            raise StimulusError(str(self.path), [str(error)]) from error
        if hashlib.sha256(data).hexdigest() != self.sha256 and pixel_hash(pixels) != self.pixels_sha256:
            raise StimulusError(str(self.path), ["changed since it was checked: restore it from a copy"])
        return data, pixels


@lru_cache(maxsize=2**16)
def _statistic(stimulus: Stimulus, name: str) -> float:
    if name not in STATISTICS:
        raise KeyError(f"unknown statistic {name!r}: choose from {', '.join(STATISTICS)}")
    return STATISTICS[name](stimulus.pixels())


@dataclass(frozen=True, repr=False)
class StimulusSet(Mapping[tuple[str, str], Stimulus]):
    """Every rendition of every scene, checked.

    A mapping from ``(scene, rendition)`` to `Stimulus`, in the order of `scenes` and, within a scene, `renditions`.

    Attributes
    ----------
    folder : Path
        Where the files are.
    scenes, renditions : tuple of str
        In natural order (``c2`` before ``c10``), or as selected; in Unicode's form NFC.
    passed_over : tuple of Path
        Files in the folder that an operating system, a NAS or a cloud folder left there, and hidden ones: not read.
    """

    folder: Path
    scenes: tuple[str, ...]
    renditions: tuple[str, ...]
    _stimuli: Mapping[tuple[str, str], Stimulus]
    passed_over: tuple[Path, ...] = ()

    @classmethod
    def from_folder(
        cls,
        folder: Path | str,
        pattern: str = "{scene}/{rendition}.{ext}",
        *,
        scenes: Sequence[str] | None = None,
        renditions: Sequence[str] | None = None,
    ) -> StimulusSet:
        """Read the images of a folder.

        Parameters
        ----------
        folder : path
        pattern : str
            How a path below the folder tells scene and rendition: ``{scene}`` and ``{rendition}``, and ``{ext}`` for
            any image format. Files that do not fit are a problem, hidden files and thumbnails aside.
        scenes, renditions : sequence of str, optional
            Read and check only these, in this order.

        Raises
        ------
        StimulusError
            With everything that is wrong, all at once.
        """
        return _read_set(entries_from_folder(Path(folder), pattern), scenes, renditions)

    @classmethod
    def from_manifest(
        cls, path: Path | str, *, scenes: Sequence[str] | None = None, renditions: Sequence[str] | None = None
    ) -> StimulusSet:
        """Read the images that a CSV file lists.

        Parameters
        ----------
        path : path
            CSV with the columns ``scene``, ``rendition`` and ``path`` (relative to the CSV's folder, which it must
            not leave), and optionally ``sha256`` of the file, which is checked.
        scenes, renditions : sequence of str, optional
            Read and check only these, in this order.

        Raises
        ------
        StimulusError
            With everything that is wrong, all at once.
        """
        return _read_set(entries_from_manifest(Path(path)), scenes, renditions)

    def __repr__(self) -> str:
        return f"<StimulusSet: {len(self.scenes)} scenes × {len(self.renditions)} renditions in {self.folder}>"

    def __getitem__(self, key: tuple[str, str]) -> Stimulus:
        try:
            scene, rendition = key
            return self._stimuli[nfc(scene), nfc(rendition)]
        except (KeyError, TypeError, ValueError):
            raise KeyError(f"no stimulus {key!r}: name scene and rendition, as in {next(iter(self))!r}") from None

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._stimuli)

    def __len__(self) -> int:
        return len(self._stimuli)

    @cached_property
    def sha256(self) -> str:
        """One hash over all scenes, renditions and pixels, wherever the folder stands."""
        parts = sorted("\0".join((s.scene, s.rendition, s.pixels_sha256)) for s in self.values())
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def statistics(self) -> pd.DataFrame:
        """Measure every image.

        Returns
        -------
        DataFrame
            A row an image: ``scene``, ``rendition`` and every statistic of `STATISTICS`.
        """
        import pandas as pd

        return pd.DataFrame(
            {"scene": s.scene, "rendition": s.rendition, **{name: s.statistic(name) for name in STATISTICS}}
            for s in self.values()
        )


def _read_set(listing: Listing, scenes: Sequence[str] | None, renditions: Sequence[str] | None) -> StimulusSet:
    """Read and check the files of a listing."""
    entries, problems = listing.entries, list(listing.problems)
    all_scenes, all_renditions = ({getattr(e, kind) for e in entries} for kind in ("scene", "rendition"))
    wanted_scenes, wanted_renditions = _chosen(scenes, all_scenes), _chosen(renditions, all_renditions)
    for kind, wanted, there in (("scene", wanted_scenes, all_scenes), ("rendition", wanted_renditions, all_renditions)):
        problems += [_missing(kind, name, there) for name in wanted if name not in there]
    wanted_entries = [e for e in entries if e.scene in wanted_scenes and e.rendition in wanted_renditions]
    read = _read_entries(wanted_entries)
    stimuli = {(s.scene, s.rendition): s for s in read if isinstance(s, Stimulus)}
    problems += [problem for problem in read if isinstance(problem, str)]
    listed = {(e.scene, e.rendition) for e in wanted_entries}
    for scene in wanted_scenes:
        missing = [rendition for rendition in wanted_renditions if (scene, rendition) not in listed]
        if scene in all_scenes and missing:
            problems.append(
                f"scene {scene!r} lacks rendition(s) {', '.join(missing)}: add them, or leave the scene out"
            )
    problems += _unequal_sizes(stimuli.values(), wanted_scenes)
    problems += _duplicates(stimuli.values())
    if not entries and not problems:
        problems.append("no images here: see the pattern or manifest in the definition")
    if problems:
        raise StimulusError(str(listing.source), problems)
    ordered = {
        (scene, rendition): stimuli[scene, rendition] for scene in wanted_scenes for rendition in wanted_renditions
    }
    return StimulusSet(listing.folder, wanted_scenes, wanted_renditions, ordered, tuple(listing.passed_over))


def _chosen(names: Sequence[str] | None, there: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(nfc, names)) if names is not None else tuple(sorted(there, key=natural_key))


def _missing(kind: str, name: str, there: Iterable[str]) -> str:
    near = near_miss(name, there)
    known = ", ".join(sorted(there, key=natural_key)[:10]) or "none"
    return f"unknown {kind} {name!r}: {f'did you mean {near!r}? ' if near else ''}choose from {known}"


def _read_entries(entries: Sequence[Entry]) -> list[Stimulus | str]:
    """Return the stimulus of each entry, or what is wrong with its file; what was examined before is not read again."""
    fresh: list[tuple[Path, Examined]] = []

    def examined(entry: Entry) -> Stimulus | str:
        try:
            sha256 = known.sha256_of(entry.path)
            found = known.find(sha256) if sha256 else None
            if found is None:
                data = read_file(entry.path)
                found = known.find(hashlib.sha256(data).hexdigest()) or examine(data)
                fresh.append((entry.path, found))
        except UnusableImage as error:
            return f"{entry.path}: {error}"
        return _stimulus(entry, found)

    # Decoding and hashing leave the interpreter's lock; each thread holds one image, and few threads saturate a disk.
    with KnownImages(cache_folder()) as known:
        with ThreadPoolExecutor(thread_count()) as pool:
            read = list(pool.map(examined, entries))
        known.remember(fresh)
    return read


def thread_count() -> int:
    """Return how many threads read or write images: one for each processor that this process may use, and few."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(_MOST_THREADS, processors)


def _stimulus(entry: Entry, found: Examined) -> Stimulus | str:
    if entry.sha256 is not None and entry.sha256.lower() != found.sha256:
        return f"{entry.path}: its sha256 is {found.sha256}, not {entry.sha256} as the manifest says: restore the file"
    return Stimulus(
        scene=entry.scene,
        rendition=entry.rendition,
        path=entry.path,
        sha256=found.sha256,
        pixels_sha256=found.pixels_sha256,
        width=found.width,
        height=found.height,
        media_type=found.media_type,
        verbatim=found.verbatim,
    )


def _unequal_sizes(stimuli: Iterable[Stimulus], scenes: Sequence[str]) -> Iterator[str]:
    by_scene: dict[str, dict[tuple[int, int], list[str]]] = {scene: {} for scene in scenes}
    for stimulus in stimuli:
        by_scene[stimulus.scene].setdefault(stimulus.size, []).append(stimulus.rendition)
    for scene, sizes in by_scene.items():
        if len(sizes) > 1:
            listed = "; ".join(f"{width}×{height}: {', '.join(names)}" for (width, height), names in sizes.items())
            yield f"scene {scene!r} has unequal sizes ({listed}): crop or scale its renditions to one size"


def _duplicates(stimuli: Iterable[Stimulus]) -> Iterator[str]:
    by_pixels: dict[str, list[Stimulus]] = {}
    for stimulus in stimuli:
        by_pixels.setdefault(stimulus.pixels_sha256, []).append(stimulus)
    for same in by_pixels.values():
        if len(same) > 1:
            yield f"{', '.join(str(s.path) for s in same)} show the same pixels: remove all but one"
