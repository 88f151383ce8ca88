"""Which files are the stimuli: by a pattern of paths below a folder, or by a manifest."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from .kinds import IMAGE_EXTENSIONS, could_be_image, is_litter

_SHOWN = 20
_DIRECTIONS = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))


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
        lines = [f"{source}: the images cannot be used:", *self.problems[:_SHOWN], *more]
        super().__init__("\n  ".join(printable(line) for line in lines))


def printable(text: str) -> str:
    """Return a text whose control characters and undecodable bytes, of a file's name say, are written as escapes."""
    return "".join(
        character.encode("unicode_escape").decode() if unicodedata.category(character) in {"Cc", "Cs"} else character
        for character in text
    )


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


@dataclass(frozen=True, slots=True)
class Listing:
    """What was found before any image is read.

    Attributes
    ----------
    source : Path
        The folder or manifest.
    folder : Path
        Where the files are.
    entries : list of Entry
    problems : list of str
    passed_over : list of Path
        Files that operating systems, NAS and cloud folders leave, and hidden ones.
    """

    source: Path
    folder: Path
    entries: list[Entry]
    problems: list[str]
    passed_over: list[Path]


def entries_from_folder(folder: Path, pattern: str) -> Listing:
    """List the files below `folder` whose path fits `pattern`.

    Raises
    ------
    StimulusError
        If there is no such folder, or the pattern cannot tell scene and rendition.
    """
    folder = locate(folder)
    if not folder.is_dir():
        raise StimulusError(str(folder), ["there is no such folder: see 'stimuli' in the definition"])
    expression = _compile(folder, pattern)
    base = folder.resolve()
    listing = Listing(folder, folder, [], [], [])
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if is_litter(inside):
            if not path.is_dir():
                listing.passed_over.append(path)
                listing.problems.extend(_placeholder(path))
            continue
        if path.is_symlink() and (path.is_dir() or not path.resolve().is_relative_to(base)):
            listing.problems.append(f"{path}: links to a folder, or out of {folder}: put the images themselves here")
            continue
        if path.is_dir():
            continue
        match = expression.fullmatch(nfc(inside.as_posix()))
        if match:
            listing.entries.append(Entry(match["scene"], match["rendition"], path))
        else:
            listing.problems.extend(_stray(path, pattern))
    listing.problems.extend(_name_problems(listing.entries))
    return listing


def _placeholder(path: Path) -> Iterator[str]:
    """Say which image is in a cloud and not on this machine, if that is what a hidden file stands for."""
    if path.suffix == ".icloud" and not (image := path.with_name(path.stem.removeprefix("."))).exists():
        yield f"{image}: still in iCloud: let it be downloaded"


def _stray(path: Path, pattern: str) -> Iterator[str]:
    """Say what to do with a file that fits no pattern, if it could be an image."""
    if not could_be_image(path):
        return
    extension = path.suffix.lower().lstrip(".")
    if extension in IMAGE_EXTENSIONS:
        yield f"{path}: does not fit the pattern {pattern!r}: rename it, move it, or change the pattern"
    elif extension:
        yield f"{path}: {extension} files are not read: save it as PNG, or move it elsewhere"
    else:
        yield f"{path}: files without an ending are not read: save it as PNG, or move it elsewhere"


def nfc(text: str) -> str:
    """Return the one form of Unicode that all names are held in."""
    return unicodedata.normalize("NFC", text)


def locate(path: Path) -> Path:
    """Return a path as the disk spells it, where that differs in the form of Unicode alone (NFC or NFD)."""
    if path.exists() or path.parent == path:
        return path
    parent = locate(path.parent)
    try:
        same = [entry for entry in parent.iterdir() if nfc(entry.name) == nfc(path.name)]
    except OSError:
        same = []
    return same[0] if len(same) == 1 else parent / path.name


def near_miss(name: str, known: Iterable[str]) -> str:
    """Return the known name that looks like this one, or the one most alike; empty where there is none."""
    known = list(known)
    same = [other for other in known if _looks(other) == _looks(name)]
    return next(iter(same or difflib.get_close_matches(name, known, n=1)), "")


def _looks(name: str) -> str:
    """Return a name without what cannot be seen: capitals, width, invisible characters, doubled spaces."""
    visible = "".join(c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) != "Cf")
    return " ".join(visible.casefold().split())


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


def entries_from_manifest(path: Path) -> Listing:
    """List the files of a CSV manifest.

    Raises
    ------
    StimulusError
        If there is no such file, it cannot be read without guessing, or a column is missing.
    """
    from visavis.base.tables import TableError, read_table

    path = locate(path)
    try:
        table = read_table(path.read_bytes(), expected=("scene", "rendition", "path", "sha256"))
        found = {name: table.find(name) for name in ("scene", "rendition", "path", "sha256")}
    except FileNotFoundError:
        raise StimulusError(str(path), ["there is no such file: see 'stimuli' in the definition"]) from None
    except OSError as error:
        raise StimulusError(str(path), [f"cannot be read ({error.strerror})"]) from error
    except TableError as error:
        raise StimulusError(str(path), [str(error)]) from error
    columns = [str(name) for name in table.frame.columns]
    missing = [name for name in ("scene", "rendition", "path") if found[name] is None]
    if missing:
        hints = [f"rename {near!r} to {name!r}" for name in missing if (near := near_miss(name, columns))]
        raise StimulusError(
            str(path),
            [
                f"lacks the column(s) {', '.join(missing)}; it has {', '.join(columns) or 'none'}"
                + (f": {', '.join(hints)}" if hints else "")
            ],
        )
    base = path.parent.resolve()
    entries, problems = [], []
    for line, cells in zip(table.frame.index.tolist(), table.frame.to_dict("records"), strict=True):
        values = {name: str(cells[there]) for name, there in found.items() if there is not None}
        relative, sha256 = values.pop("path"), values.pop("sha256", "") or None
        if not all(values.values()) or not relative:
            problems.append(f"line {line}: scene, rendition or path is empty")
        elif any(unicodedata.category(character) == "Cc" for character in relative):
            problems.append(f"line {line}: the path {relative!r} holds a control character: write it anew")
        elif _leaves(base, relative):
            problems.append(f"line {line}: {relative} leaves the manifest's folder: move the image into it")
        else:
            entries.append(Entry(**values, path=_image_of(path.parent, relative), sha256=sha256))
    return Listing(path, path.parent, entries, [*problems, *_name_problems(entries)], [])


def _leaves(base: Path, relative: str) -> bool:
    """Whether a path of a manifest, written for any operating system, is absolute or leads out of the folder."""
    if PurePosixPath(relative).is_absolute() or PureWindowsPath(relative).anchor:
        return True
    return not all((base / spelt).resolve().is_relative_to(base) for spelt in (relative, relative.replace("\\", "/")))


def _image_of(folder: Path, relative: str) -> Path:
    """Return the file that a path of a manifest names, also where it was written on Windows."""
    image = locate(folder / relative)
    return image if image.exists() or "\\" not in relative else locate(folder / relative.replace("\\", "/"))


def _name_problems(entries: Iterable[Entry]) -> Iterator[str]:
    """Find names that look alike, or that a trial's id cannot hold."""
    by_stimulus: dict[tuple[str, str], list[Path]] = {}
    spellings: dict[tuple[str, str], set[str]] = {}
    for entry in entries:
        by_stimulus.setdefault((entry.scene, entry.rendition), []).append(entry.path)
        for kind, name in (("scene", entry.scene), ("rendition", entry.rendition)):
            spellings.setdefault((kind, _looks(name)), set()).add(name)
    for (scene, rendition), paths in by_stimulus.items():
        if len(paths) > 1:
            yield f"{', '.join(map(str, paths))} are all rendition {rendition!r} of scene {scene!r}: keep one"
    for (kind, _), names in spellings.items():
        if len(names) > 1:
            folded = {name.casefold() for name in names}
            how = "case alone" if len(folded) == 1 else "case, width or invisible characters alone"
            shown = sorted(names) if len(folded) == 1 else sorted(map(ascii, names))
            yield f"{kind} names {', '.join(shown)} differ in {how}: rename all but one"
        for name in names:
            if "/" in name or name != name.strip() or any(_unfit(character) for character in name):
                yield f"{kind} name {name!r} has a space at an end, a '/' or a control character: rename it"


def _unfit(character: str) -> bool:
    """Whether a character changes how what follows is shown, or stands for a byte that is not text."""
    return unicodedata.category(character) in {"Cc", "Cs"} or character in _DIRECTIONS
