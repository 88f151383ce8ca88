"""Which files are the stimuli: by a pattern of paths below a folder, or by a manifest."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

IMAGE_EXTENSIONS = ("bmp", "gif", "jpeg", "jpg", "png", "ppm", "tif", "tiff", "webp")
_OTHER_EXTENSIONS = ("avif", "exr", "heic", "heif", "hdr", "j2k", "jp2", "jxl", "psd", "svg", "tga", "xcf")
_LITTER = {"thumbs.db", "desktop.ini"}
_SHOWN = 20


class StimulusError(ValueError):
    """Stimuli that cannot be used.

    Attributes
    ----------
    problems : tuple of str
        All that is wrong, each with the file or scene and the remedy.
    """

    def __init__(self, source: str, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        more = [f"… and {len(self.problems) - _SHOWN} more"] if len(self.problems) > _SHOWN else []
        super().__init__("\n  ".join([f"{source}: the images cannot be used:", *self.problems[:_SHOWN], *more]))


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that is said to be one rendition of one scene, not read yet."""

    scene: str
    rendition: str
    path: Path
    sha256: str | None = None


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort numbers within names by their value: ``c2`` before ``c10``."""
    return tuple(
        (0, int(part), part) if part.isdecimal() else (1, 0, part.casefold())
        for part in re.split(r"(\d+)", name)
        if part
    )


def entries_from_folder(folder: Path, pattern: str) -> tuple[list[Entry], list[str]]:
    """List the files below `folder` whose path fits `pattern`.

    Returns
    -------
    entries : list of Entry
    problems : list of str

    Raises
    ------
    StimulusError
        If there is no such folder, or the pattern cannot tell scene and rendition.
    """
    if not folder.is_dir():
        raise StimulusError(str(folder), ["there is no such folder: see 'stimuli' in the definition"])
    expression = _compile(folder, pattern)
    base = folder.resolve()
    entries, problems = [], []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if any(part.startswith(".") for part in inside.parts) or path.name.lower() in _LITTER:
            continue
        if path.is_symlink() and (path.is_dir() or not path.resolve().is_relative_to(base)):
            problems.append(f"{path}: links to a folder, or out of {folder}: put the images themselves here")
            continue
        if path.is_dir():
            continue
        match = expression.fullmatch(unicodedata.normalize("NFC", inside.as_posix()))
        extension = path.suffix.lower().lstrip(".")
        if match:
            entries.append(Entry(match["scene"], match["rendition"], path))
        elif extension in IMAGE_EXTENSIONS:
            problems.append(f"{path}: does not fit the pattern {pattern!r}: rename it, move it, or change the pattern")
        elif extension in _OTHER_EXTENSIONS:
            problems.append(f"{path}: {extension} files are not read: save it as PNG, or move it elsewhere")
    return entries, problems + list(_name_problems(entries))


def _compile(folder: Path, pattern: str) -> re.Pattern[str]:
    fields = re.findall(r"\{(\w*)\}", pattern)
    unknown = [field for field in fields if field not in {"scene", "rendition", "ext"}]
    if unknown or fields.count("scene") != 1 or fields.count("rendition") != 1 or fields.count("ext") > 1:
        raise StimulusError(
            str(folder),
            [
                f"pattern {pattern!r} must hold {{scene}} and {{rendition}} once each, and may hold {{ext}}, "
                "such as '{scene}/{rendition}.{ext}' or '{scene}_{rendition}.png'"
            ],
        )
    parts = {
        "scene": r"(?P<scene>[^/]+)",
        "rendition": r"(?P<rendition>[^/]+)",
        "ext": f"(?i:{'|'.join(IMAGE_EXTENSIONS)})",
    }
    texts = re.split(r"\{(\w+)\}", pattern)
    return re.compile("".join(parts[text] if i % 2 else re.escape(text) for i, text in enumerate(texts)))


def entries_from_manifest(path: Path) -> tuple[list[Entry], list[str]]:
    """List the files of a CSV manifest.

    Returns
    -------
    entries : list of Entry
    problems : list of str

    Raises
    ------
    StimulusError
        If there is no such file, it is no UTF-8 text, or a column is missing.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            rows = [(reader.line_num, row) for row in reader]
            columns = reader.fieldnames or []
    except FileNotFoundError:
        raise StimulusError(str(path), ["there is no such file: see 'stimuli' in the definition"]) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StimulusError(str(path), [f"cannot be read as CSV in UTF-8 ({error})"]) from error
    missing = [column for column in ("scene", "rendition", "path") if column not in columns]
    if missing:
        raise StimulusError(
            str(path), [f"lacks the column(s) {', '.join(missing)}; it has {', '.join(columns) or 'none'}"]
        )
    base = path.parent.resolve()
    entries, problems = [], []
    for line, row in rows:
        values = {key: unicodedata.normalize("NFC", (row[key] or "").strip()) for key in ("scene", "rendition")}
        relative = (row["path"] or "").strip()
        if not all(values.values()) or not relative:
            problems.append(f"line {line}: scene, rendition or path is empty")
        elif PurePosixPath(relative).is_absolute() or not (base / relative).resolve().is_relative_to(base):
            problems.append(f"line {line}: {relative} leaves the manifest's folder: move the image into it")
        else:
            entries.append(
                Entry(**values, path=path.parent / relative, sha256=(row.get("sha256") or "").strip() or None)
            )
    return entries, problems + list(_name_problems(entries))


def _name_problems(entries: Iterable[Entry]) -> Iterator[str]:
    """Find names that cannot be told apart, or that a trial's id cannot hold."""
    by_stimulus: dict[tuple[str, str], list[Path]] = {}
    spellings: dict[tuple[str, str], set[str]] = {}
    for entry in entries:
        by_stimulus.setdefault((entry.scene, entry.rendition), []).append(entry.path)
        for kind, name in (("scene", entry.scene), ("rendition", entry.rendition)):
            spellings.setdefault((kind, name.casefold()), set()).add(name)
    for (scene, rendition), paths in by_stimulus.items():
        if len(paths) > 1:
            yield f"{', '.join(map(str, paths))} are all rendition {rendition!r} of scene {scene!r}: keep one"
    for (kind, _), names in spellings.items():
        if len(names) > 1:
            yield f"{kind} names {', '.join(sorted(names))} differ in case alone: rename all but one"
        for name in names:
            if "/" in name or name != name.strip() or any(ord(character) < 32 for character in name):
                yield f"{kind} name {name!r} has a space at an end, a '/' or a control character: rename it"
