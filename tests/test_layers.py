"""The house: which file may import which. The table is the architecture; this holds it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "pytest_synebench"

FLOORS: list[tuple[str, ...]] = [
    ("errors", "clock", "durable"),
    ("space", "channel", "trial"),
    ("events", "cost_models", "scoring", "blackboxes", "checkpoints"),
    ("definition", "searchers", "training"),
    ("schedulers", "backends"),
    ("experiment",),
    ("analysis",),
    ("emulator", "testing"),
    ("plugin",),
    ("__init__", "__main__"),
]
ADAPTERS = {
    "backends": {"local", "simulated", "sagemaker"},
    "checkpoints": {"local", "folder", "simulated", "s3"},
}
#: Rooms within a folder: each imports from those before it only.
ROOMS = {"backends": ("supervision", "supervisor", "local")}
#: Travels into every trial: standard library and itself only.
JOB_SIDE = (
    "errors.py",
    "durable.py",
    "channel.py",
    "checkpoints/settled.py",
    "checkpoints/together.py",
    "checkpoints/hashing.py",
    "checkpoints/names.py",
    "checkpoints/manifest.py",
)
JOB_SIDE_FOLDERS = ("space", "training", "training/entrypoint")


def place(module: str) -> tuple[int, int] | None:
    """Return (floor, position on it) of a module name below the package, None if unknown."""
    room = module.split(".", 1)[0]
    for floor, rooms in enumerate(FLOORS):
        if room in rooms:
            return floor, rooms.index(room)
    return None


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> list[str]:
    """Return the modules a file imports anywhere in it, in full, type-only imports included."""
    out = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            out += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            out += [f"{node.module}.{alias.name}" for alias in node.names]
    return out


def ours(name: str) -> str | None:
    return name.removeprefix("pytest_synebench.") if name.startswith("pytest_synebench.") else None


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_file_imports_only_from_below(path: Path) -> None:
    name = name_of(path)
    here = place(name)
    assert here is not None, f"{name} stands on no floor of the table"
    room = name.split(".", 1)[0]
    for imported in imports(path):
        target = ours(imported)
        if target is None or target.split(".", 1)[0] == room:
            continue
        there = place(target)
        if there is None:
            assert name == "__init__", f"{name} imports {target}, which stands on no floor"
            continue
        both_files = (PACKAGE / f"{room}.py").exists() and (
            PACKAGE / f"{target.split('.', 1)[0]}.py"
        ).exists()
        below = there[0] < here[0] or (both_files and there < here)
        assert below, f"{name} (floor {here[0] + 1}) imports {target} (floor {there[0] + 1})"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_sibling_adapters_do_not_know_each_other(path: Path) -> None:
    room, _, file = name_of(path).partition(".")
    for imported in imports(path):
        target = (ours(imported) or "").split(".")
        adapter = file.partition(".")[0]
        if target[0] == room and len(target) > 1 and adapter in ADAPTERS.get(room, ()):
            assert target[1] == adapter or target[1] not in ADAPTERS[room]


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_room_imports_only_from_the_rooms_before_it(path: Path) -> None:
    folder, _, rest = name_of(path).partition(".")
    rooms, room = ROOMS.get(folder, ()), rest.partition(".")[0]
    for imported in imports(path):
        target = (ours(imported) or "").split(".")
        if room in rooms and target[0] == folder and target[1] in rooms:
            assert rooms.index(target[1]) <= rooms.index(room), f"{name_of(path)}: {imported}"


def job_side() -> list[Path]:
    folders = [path for folder in JOB_SIDE_FOLDERS for path in (PACKAGE / folder).glob("*.py")]
    return [PACKAGE / file for file in JOB_SIDE] + sorted(folders)


@pytest.mark.parametrize("path", job_side(), ids=name_of)
def test_what_travels_into_a_trial_needs_the_standard_library_only(path: Path) -> None:
    travels = {name_of(p) for p in job_side()}
    banned = {"numpy", "torch", "pytest", "scipy", "boto3", "dataclasses"}
    tree = ast.parse(path.read_text())
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    for node in top:
        names = (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [f"{node.module}.{alias.name}" for alias in node.names]
        )
        for full in names:
            assert full.split(".", 1)[0] not in banned, f"{path.name} imports {full}"
            target = ours(full)
            if target is not None:
                parts = {target, target.rpartition(".")[0]}
                assert parts & travels, f"{path.name} imports {full}, which does not travel"
