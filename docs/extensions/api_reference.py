"""The reference of the Python interface: one page a room, every name of its ``__all__``, from the docstrings.

Rule of this file: nothing is listed by hand. A *room* is a module below ``visavis`` that declares ``__all__``. Every
name is described once, in the room that it comes from; where another room exports it too, that room's table leads
there, and both paths can be referred to.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.inspect import stringify_signature
from sphinx.util.nodes import make_refnode
from sphinx.util.typing import stringify_annotation

PACKAGE = "visavis"
FOLDER = "reference"

_LONGEST_VALUE = 100
_HEADING = re.compile(r"^[^.:]*")


@dataclass(frozen=True)
class Name:
    """A public name as one room exports it.

    Attributes
    ----------
    room, name : str
        Together the path by which it is imported.
    home : str
        The module that defines it.
    owner : str
        The room that describes it.
    """

    room: str
    name: str
    home: str
    owner: str

    @property
    def path(self) -> str:
        """The path by which it is imported here."""
        return f"{self.room}.{self.name}"

    @property
    def described_at(self) -> str:
        """The path under which it is described."""
        return f"{self.owner}.{self.name}"

    @property
    def value(self) -> Any:
        """The object itself."""
        return getattr(importlib.import_module(self.room), self.name)


@cache
def rooms() -> tuple[str, ...]:
    """Return all modules below the package that declare what is public, the package itself first."""
    package = importlib.import_module(PACKAGE)
    below = pkgutil.walk_packages(package.__path__, f"{PACKAGE}.", onerror=lambda _: None)
    return tuple(sorted([PACKAGE, *(module.name for module in below if "__all__" in _assigned(module.name))]))


@cache
def public_names() -> Mapping[str, tuple[Name, ...]]:
    """Return the public names of each room."""
    exported = {room: tuple(importlib.import_module(room).__all__) for room in rooms()}
    found: dict[str, tuple[Name, ...]] = {}
    for room, names in exported.items():
        homes = {name: _home(room, name) for name in names}
        found[room] = tuple(Name(room, name, homes[name], _owner(exported, room, name, homes[name])) for name in names)
    return found


def write_pages(folder: Path) -> None:
    """Write a page for each room into a folder; pages of rooms that are gone are removed."""
    folder.mkdir(exist_ok=True)
    pages = {f"{room}.rst": page(room) for room in rooms()} | {"rooms.txt": table_of_rooms()}
    for old in folder.glob("*.rst"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        file = folder / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:  # an unchanged page is not read again
            file.write_text(text, encoding="utf-8", newline="\n")


def table_of_rooms() -> str:
    """Return what each room holds, by the first sentence of its docstring."""
    rows = [".. list-table::", "   :widths: 1 2", "   :class: names", ""]
    for room in rooms():
        rows.append(f"   * - :doc:`{room} </{FOLDER}/{room}>`")
        rows.append(f"     - {_first_paragraph(inspect.getdoc(importlib.import_module(room)) or '')}")
    return "\n".join(rows) + "\n"


def page(room: str) -> str:
    """Return a room's page as reStructuredText."""
    parts = [_title(room, "="), inspect.getdoc(importlib.import_module(room)) or "", f".. py:module:: {room}"]
    groups: dict[str, list[Name]] = {}
    for name in public_names()[room]:
        groups.setdefault(_group(name), []).append(name)
    for group in sorted(groups, key=lambda group: (0, "") if group == room else _stacking(group)):
        if len(groups) > 1 and group != room:
            parts.append(_title(_group_title(group), "-"))
        parts += [_table(groups[group]), *(_description(name) for name in groups[group] if name.owner == room)]
    return "\n\n".join(parts) + "\n"


def _title(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}"


def _group(name: Name) -> str:
    """Return the package right below the room that the name comes from, else the room."""
    inside = name.home.removeprefix(f"{name.room}.")
    if name.room == PACKAGE or name.owner != name.room or inside == name.home or "." not in inside:
        return name.room
    return f"{name.room}.{inside.partition('.')[0]}"


def _group_title(package: str) -> str:
    found = _HEADING.match(inspect.getdoc(importlib.import_module(package)) or "")
    return (found and found.group().strip()) or package.rpartition(".")[2]


def _stacking(package: str) -> tuple[int, str]:
    """Order packages that import each other one way: what the others stand on comes first."""
    below: set[str] = {package}
    while more := frozenset[str]().union(*map(_imported, below)) - below:
        below |= more
    return len(below), package


@cache
def _imported(package: str) -> frozenset[str]:
    """Return the packages beside a package that its modules import from."""
    room = package.rpartition(".")[0]
    beside = {f"{room}.{info.name}" for info in pkgutil.iter_modules(importlib.import_module(room).__path__)}
    found = set()
    for info in pkgutil.walk_packages(getattr(importlib.import_module(package), "__path__", []), f"{package}."):
        for node in ast.walk(_tree(info.name)):
            if isinstance(node, ast.ImportFrom):
                found.add(".".join(_absolute(info.name, node, info.ispkg).split(".")[: room.count(".") + 2]))
    return frozenset(found & beside - {package})


def _table(names: list[Name]) -> str:
    rows = [".. list-table::", "   :widths: 1 2", "   :class: names", ""]
    for name in names:
        rows += [f"   * - :py:obj:`{name.name} <{name.described_at}>`", f"     - {_summary(name)}"]
    return "\n".join(rows)


def _summary(name: Name) -> str:
    return _first_paragraph(_documentation(name))


def _first_paragraph(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split()) or "\\"


def _description(name: Name) -> str:
    value = name.value
    if inspect.isclass(value):
        kind = "autoexception" if issubclass(value, BaseException) else "autoclass"
        ours = any(base.__module__.startswith(PACKAGE) for base in value.__bases__) or kind == "autoexception"
        return f".. {kind}:: {name.path}" + ("\n   :show-inheritance:" if ours else "")
    if inspect.isroutine(value):
        return f".. autofunction:: {name.path}"
    lines = [f".. py:data:: {name.name}", f"   :module: {name.room}"]
    if len(shown := repr(value)) <= _LONGEST_VALUE and " at 0x" not in shown:
        lines.append(f"   :value: {shown}")
    if f"{name.home}.{name.name}" != name.path:
        lines.append(f"   :canonical: {name.home}.{name.name}")
    says = _documentation(name)
    if isinstance(value, Mapping):
        says += f"\n\nKeys: {', '.join(f'``{key}``' for key in value)}."
    return "\n".join([*lines, "", *(f"   {line}".rstrip() for line in says.splitlines())])


def _documentation(name: Name) -> str:
    """Return what is said about a name where it is defined."""
    value = name.value
    if inspect.isclass(value) or inspect.isroutine(value):
        return inspect.getdoc(value) or ""
    analyzer = ModuleAnalyzer.for_module(name.home)
    return "\n".join(analyzer.find_attr_docs().get(("", name.name), [])).strip()


def _home(room: str, name: str) -> str:
    value = getattr(importlib.import_module(room), name)
    if inspect.isclass(value) or inspect.isroutine(value):
        return str(value.__module__)
    return _followed(room, name)


def _followed(module: str, name: str) -> str:
    """Follow a name through the imports of modules to the one that assigns it."""
    is_package = hasattr(importlib.import_module(module), "__path__")
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.ImportFrom) and any((each.asname or each.name) == name for each in node.names):
            return _followed(_absolute(module, node, is_package), name)
    return module


def _absolute(module: str, node: ast.ImportFrom, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    base = module.split(".")
    base = base[: len(base) - node.level + is_package]
    return ".".join([*base, *([node.module] if node.module else [])])


def _owner(exported: Mapping[str, tuple[str, ...]], room: str, name: str, home: str) -> str:
    """Return the room nearest to where a name is defined that exports it."""
    value = getattr(importlib.import_module(room), name)
    around = [
        other
        for other, names in exported.items()
        if name in names and getattr(importlib.import_module(other), name) is value
    ]
    return max(around, key=lambda other: (f"{home}.".startswith(f"{other}."), len(other), other == room))


@cache
def _tree(module: str) -> ast.Module:
    """Return what a module's file says, without importing it: some need what may not be installed."""
    spec = importlib.util.find_spec(module)
    return ast.parse(Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else "")


def _assigned(module: str) -> Iterator[str]:
    for node in _tree(module).body:
        if isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


# --- Sphinx ---------------------------------------------------------------------------------------------------------


def name_role(
    _role: str, rawtext: str, text: str, _line: int, inliner: Any, *_rest: Any
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """Show what stands between single backticks: a link where it is public, else (a parameter, say) as it is."""
    environment = inliner.document.settings.env
    reference = pending_xref(rawtext, refdomain="py", reftype="obj", reftarget=text, refdoc=environment.docname)
    reference["optional"] = True
    reference += nodes.literal(rawtext, text, classes=["xref", "py", "py-obj"])
    return [reference], []


def resolve(app: Sphinx, environment: BuildEnvironment, node: pending_xref, content: nodes.Element) -> Any:
    """Find what a docstring or an annotation names, by its short name or as an attribute of such a name."""
    if node.get("refdomain") != "py":
        return None
    domain, target = environment.domains.python_domain, str(node["reftarget"])
    for attempt in (target, target.rpartition(".")[0]):
        for described_at in _by_short_name().get(attempt.rpartition(".")[2], ()) if attempt else ():
            entry = domain.objects.get(described_at)
            if entry and _may_mean(attempt, described_at):
                return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, content, described_at)
    # An annotation may name what is not public, or another package's: that is shown as it is.
    return content if node["reftype"] == "class" or (node.get("optional") and not _names_ours(target)) else None


@cache
def _by_short_name() -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for names in public_names().values():
        for name in names:
            found.setdefault(name.name, set()).add(name.described_at)
    return {name: frozenset(places) for name, places in found.items()}


def _may_mean(target: str, described_at: str) -> bool:
    """Return whether a path, however short or deep, can be that of an object described at another path."""
    module = target.rpartition(".")[0]
    return not module.startswith(f"{PACKAGE}.") or f"{module}.".startswith(f"{described_at.rpartition('.')[0]}.")


def _names_ours(target: str) -> bool:
    return target.startswith(f"{PACKAGE}.")


def as_written(
    _app: Sphinx, _what: str, _name: str, found: Any, _options: Any, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Show annotations as they are written (`Floats`), not what they stand for (``ndarray[tuple[Any, ...], …]``)."""
    if signature is None:
        return signature, returned
    if inspect.isclass(found) and issubclass(found, BaseModel):
        return "(**values)", None
    try:
        written = inspect.signature(found)
    except (TypeError, ValueError):
        return signature, returned
    first = next(iter(written.parameters), None)
    if first in {"self", "cls"}:
        written = written.replace(parameters=list(written.parameters.values())[1:])
    text = stringify_signature(written, unqualified_typehints=True)
    arguments, _, returns = text.rpartition(") -> ") if ") -> " in text else (text[:-1], "", "")
    return f"{arguments})", None if inspect.isclass(found) else returns or None


def without_aliases(_app: Sphinx, _what: str, name: str, found: Any, skip: bool, _options: Any) -> bool | None:
    """Leave out attributes that are a class of another name (it is described itself), and pydantic's own."""
    return inspect.isclass(found) or name == "model_config" or skip or None


def with_fields(_app: Sphinx, _what: str, _name: str, found: Any, _options: Any, lines: list[str]) -> None:
    """Add what a pydantic model's fields say of themselves, where its docstring does not."""
    if not (inspect.isclass(found) and issubclass(found, BaseModel)) or {"Attributes", "Parameters"} & set(lines):
        return
    lines += ["", "Parameters", "----------"]
    for name, field in found.model_fields.items():
        kind = stringify_annotation(field.annotation, "smart")
        kind = re.sub(r"Literal\[([^\]]*)\]", r"{\1}", re.sub(r"~?(?:\w+\.)+", "", kind))
        default = "" if field.is_required() or field.default is None else f" Default: ``{_default(field)!r}``."
        says = (field.description or "").rstrip(".")
        lines += [
            f"{name} : {kind}{'' if field.is_required() else ', optional'}",
            f"    {says[:1].upper()}{says[1:]}{'.' if says else ''}{default}",
        ]
    lines.append("")


def _default(field: FieldInfo) -> Any:
    return field.default_factory() if field.default_factory else field.default  # type: ignore[call-arg]


def add_other_paths(_app: Sphinx, environment: BuildEnvironment) -> None:
    """Let names be referred to by every path that they are exported under."""
    objects = environment.domains.python_domain.objects
    for names in public_names().values():
        for name in names:
            if name.path not in objects and name.described_at in objects:
                objects[name.path] = objects[name.described_at]._replace(aliased=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the pages before Sphinx looks for them, and resolve references as described above."""
    app.add_role("name", name_role)
    app.connect("builder-inited", lambda app: write_pages(Path(app.srcdir) / FOLDER))
    app.connect("env-updated", add_other_paths)
    app.connect("missing-reference", resolve)
    app.connect("autodoc-process-signature", as_written)
    app.connect("autodoc-skip-member", without_aliases)
    app.connect("autodoc-process-docstring", with_fields, priority=100)  # before numpydoc reads it
    return {"parallel_read_safe": True, "parallel_write_safe": True}
