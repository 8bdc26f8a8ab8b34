"""Which modules and files a training script imports, read from its text: nothing is run.

Experiments whose scripts import the same share one warm process, so equal imports must give equal
answers: sorted, each once. A name that ends in ``?`` is a candidate: of ``from torch import nn``
only ``torch`` is sure to be a module, ``torch.nn?`` is one if ``torch`` has no such attribute.

Invariants (tests/backends/supervision/test_imports.py holds each one):
- imports count wherever they stand, in functions and behind conditions, but not those that only a
  type checker follows;
- what stands beside the script is read and followed, never named: only the script can import it;
- nothing depends on the order of the imports, nor on how often one is made;
- a script that cannot be read or parsed has no imports: its attempt shows the error.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator, Sequence
from importlib.machinery import all_suffixes
from pathlib import Path

CANDIDATE = "?"  #: ends a name that may be a module, or an attribute of the one above it
_NO_MODULES = frozenset({"__future__", "__main__"})


def modules_of(script: Path, preload: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the modules that a script imports, sorted, candidates with their mark.

    Args:
        script: its file; modules and packages in the same folder are followed.
        preload: names to add, as they are.
    """
    found, _ = _followed_from(script)
    found.update(preload)
    sure = {name for name in found if name + CANDIDATE in found}
    return tuple(sorted(found - {name + CANDIDATE for name in sure} - _NO_MODULES))


def files_beside(script: Path) -> dict[str, Path]:
    """Return the files in a script's folder that it imports, by their names from there, sorted."""
    itself = script.absolute().resolve()
    folder = itself.parent
    _, read = _followed_from(script)
    there = sorted(file for file in read if file.is_file() and file.resolve() != itself)
    return {file.relative_to(folder).as_posix(): file for file in there}


def _followed_from(script: Path) -> tuple[set[str], set[Path]]:
    """Return the names that a script and what stands beside it import, and what was to be read."""
    folder = script.absolute().resolve().parent
    found: set[str] = set()
    waiting, read = [(script, "")], set()
    while waiting:
        file, package = waiting.pop()
        if file in read:
            continue
        read.add(file)
        for name in _imports(file, package):
            if _stands_in(folder, name):
                waiting += _files(folder, name.removesuffix(CANDIDATE))
            else:
                found.add(name)
    return found, read


def _stands_in(folder: Path, name: str) -> bool:
    """Whether the script would find the first part of a name beside itself."""
    top = name.removesuffix(CANDIDATE).partition(".")[0]
    return (folder / top).is_dir() or any(
        (folder / f"{top}{end}").exists() for end in all_suffixes()
    )


def _files(folder: Path, name: str) -> Iterator[tuple[Path, str]]:
    """Yield the files below a folder that are read for a module, each with its package's name."""
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        path = folder.joinpath(*parts[:count])
        yield path / "__init__.py", ".".join(parts[:count])
        yield path.with_suffix(".py"), ".".join(parts[: count - 1])


def _imports(file: Path, package: str) -> Iterator[str]:
    """Yield what a file imports, relative names made absolute; nothing if it does not parse."""
    # MemoryError is what the parser says of an expression that is nested too deeply.
    with contextlib.suppress(OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        for node in _followed(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from _imported_from(node, package)


def _imported_from(node: ast.ImportFrom, package: str) -> Iterator[str]:
    module = node.module or ""
    if node.level:
        above = package.split(".")[: len(package.split(".")) - node.level + 1]
        module = ".".join([*above, *([module] if module else [])]) if package else ""
    if module and module not in _NO_MODULES:
        yield module
        yield from (
            f"{module}.{alias.name}{CANDIDATE}" for alias in node.names if alias.name != "*"
        )


def _followed(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield every node that may run."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and _for_types_only(node.test):
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


def _for_types_only(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return name == "TYPE_CHECKING"
