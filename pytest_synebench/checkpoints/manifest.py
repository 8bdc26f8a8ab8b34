"""A checkpoint on disk: a directory of the script's files and a manifest that vouches for them.

``<checkpoints>/<level, 8 digits>/`` holds the files and ``manifest.json``: schema, trial, level,
SHA-256 and size of each file, and its own SHA-256. It is filled under a name beginning with
``.part-`` and gets its own name last, so a directory called by a level is whole or was damaged.
A manifest of schema 2 has a long file, whose SHA-256 is that of its parts (``hashing``).
Standard library only: this file travels into every trial.

Invariants (tests/checkpoints/ holds each one):
- a kill at any step of a save leaves the newest earlier checkpoint whole, and what the save
  left behind is collected by the next;
- a file that is written to while it is saved makes the save fail;
- all of a checkpoint is on the disk before it gets its name, and its name before a save returns;
- a changed bit, a missing, extra, shortened or linked file, another schema, trial or level: each
  is refused, by name, before a byte of the content is used;
- a save that fails removes what it wrote and raises ``CheckpointError``;
- after a save two generations remain: this one and the newest before it;
- a removal that is killed leaves whole checkpoints and none that only seems one; the next removal
  collects the rest.
"""

from __future__ import annotations

import os
import stat

from pytest_synebench.checkpoints import hashing, names, settled
from pytest_synebench.checkpoints.together import sync_together, sync_tree
from pytest_synebench.durable import sync_directory
from pytest_synebench.errors import CheckpointError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from typing import Any

NAME = names.NAME
SCHEMAS = (1, 2)
LARGEST_BYTES = 8 << 20  #: of a manifest that is read
KEEP = 2  #: generations that stay on disk
_PART = ".part-"


class Manifest:
    """What a verified checkpoint says about itself."""

    __slots__ = ("files", "level", "sha256", "trial")

    def __init__(self, told: Mapping[str, Any], sha256: str) -> None:
        self.trial: int | None = told["trial"]  #: None: saved by a script run by hand
        self.level: int = told["level"]
        self.files: Mapping[str, Mapping[str, Any]] = told["files"]
        self.sha256 = sha256  #: of the manifest file's bytes


def directory_of(checkpoints: str, level: int) -> str:
    """Return where the checkpoint of a level is kept.

    >>> directory_of("trials/3/checkpoints", 9)
    'trials/3/checkpoints/00000009'
    """
    return os.path.join(checkpoints, f"{level:08d}")


def levels(checkpoints: str) -> list[int]:
    """Return the levels that have a directory, ascending; it may still be damaged."""
    try:
        names = os.listdir(checkpoints)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(int(n) for n in names if n.isdecimal() and n == f"{int(n):08d}")


def save(
    checkpoints: str, level: int, fill: Callable[[str], object], trial: int | None = None
) -> None:
    """Make a checkpoint, durably; when this returns, it survives a power cut.

    Args:
        checkpoints: directory of the trial's checkpoints; made if missing.
        level: resource level the state belongs to, >= 1.
        fill: writes the state's files into the empty directory that it is given.
        trial: id of the trial, None by hand.

    Raises:
        CheckpointError: nothing was saved, and earlier checkpoints are as they were.
    """
    part = os.path.join(checkpoints, f"{_PART}{level:08d}-{os.getpid()}")
    try:
        unsynced = _make_directory(checkpoints)
        _collect(checkpoints)
        os.mkdir(part)
        fill(part)
        _seal(part, level, trial, unsynced)
        _publish(part, checkpoints, level)
    except Exception as error:
        _remove(part)
        raise CheckpointError(_not_saved(checkpoints, level, error)) from error


def install(checkpoints: str, level: int, fill: Callable[[str], object]) -> None:
    """Put a checkpoint that was saved elsewhere in its place, durably. May be repeated.

    Args:
        checkpoints: directory of the trial's checkpoints; made if missing.
        level: resource level of the checkpoint, >= 1.
        fill: writes its files and its manifest into the empty directory that it is given, and
            raises where a byte is not as it was saved.

    Raises:
        CheckpointError: what ``fill`` raised; nothing is left of it.
        OSError: the disk refuses; likewise.
    """
    part = os.path.join(checkpoints, f"{_PART}{level:08d}-{os.getpid()}")
    try:
        unsynced = _make_directory(checkpoints)
        _collect(checkpoints)
        os.mkdir(part)
        fill(part)
        sync_together(unsynced).wait()
        sync_tree(part)
        _publish(part, checkpoints, level)
    except BaseException:
        _remove(part)
        raise


def _make_directory(path: str) -> list[str]:
    """Make a directory; return those in which a name is not yet durable because of it."""
    unsynced: list[str] = []
    there = os.path.abspath(path)
    while not os.path.isdir(there):
        there = os.path.dirname(there)
        unsynced.append(there)
    if unsynced:
        os.makedirs(path)
    return unsynced


def _not_saved(checkpoints: str, level: int, error: Exception) -> str:
    earlier = [at for at in levels(checkpoints) if at != level]
    kept = f"the one of level {earlier[-1]} is intact" if earlier else "there is no earlier one"
    reason = (
        str(error) if isinstance(error, CheckpointError) else f"{type(error).__name__}: {error}"
    )
    return f"the checkpoint of level {level} in {checkpoints} was not saved: {reason}; {kept}"


def _seal(part: str, level: int, trial: int | None, unsynced: list[str]) -> None:
    """Make durable what was written, and write the manifest that vouches for it."""
    paths = {name: os.path.join(part, name) for name in sorted(_files(part))}
    if not paths:
        raise CheckpointError("save_model_fn wrote no file into the directory it was given")
    folders = [folder for folder, _, _ in os.walk(part) if folder != part]
    path = os.path.join(part, NAME)
    syncing = sync_together([*paths.values(), *folders, *unsynced])
    try:
        since_ns = settled.settle(paths.values(), path)
        written = {one: settled.times_of(one) for one in paths.values()}
        # Read again, while the disk is at work: what a reader will find is what counts.
        files = {
            name: {"sha256": hashing.name_of(one), "size": os.path.getsize(one)}
            for name, one in paths.items()
        }
        names.check(files)
        for name, one in paths.items():
            if settled.times_of(one) != written[one]:
                raise CheckpointError(f"{name!r} was written to while it was saved")
        with open(path, "wb") as file:
            file.write(_manifest_bytes(level, trial, files))
        settled.tell(path, since_ns)
        sync_together([path, part]).wait()
    finally:
        syncing.wait()


def _manifest_bytes(
    level: int, trial: int | None, files: Mapping[str, Any], schema: int | None = None
) -> bytes:
    if schema is None:
        schema = 2 if any("-" in told["sha256"] for told in files.values()) else 1
    told = {"schema": schema, "trial": trial, "level": level, "files": files}
    return _canonical({**told, "sha256": _sha256(_canonical(told))})


def _canonical(told: object) -> bytes:
    import json

    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode("ascii")


def _publish(part: str, checkpoints: str, level: int) -> None:
    final = directory_of(checkpoints, level)
    if os.path.lexists(final):
        _discard(final)
    os.rename(part, final)
    sync_directory(checkpoints)
    # Later levels are of a run that was given up: this one went on from before them.
    known = levels(checkpoints)
    kept = [at for at in known if at <= level][-KEEP:]
    for at in known:
        if at not in kept:
            _discard(directory_of(checkpoints, at))


def discard_beyond(checkpoints: str, level: int) -> None:
    """Remove every checkpoint of a later level than ``level``. May be repeated."""
    for at in levels(checkpoints):
        if at > level:
            _discard(directory_of(checkpoints, at))


def retain(checkpoints: str, kept: Collection[int]) -> None:
    """Remove the checkpoints of all other levels, and what a killed removal has left.

    Nobody saves there meanwhile. May be repeated.
    """
    for at in levels(checkpoints):
        if at not in kept:
            _discard(directory_of(checkpoints, at))
    if os.path.isdir(checkpoints):
        _collect(checkpoints)


def _discard(path: str) -> None:
    # Renamed first: a directory half removed must not look like a damaged checkpoint.
    folder, name = os.path.split(path)
    gone = os.path.join(folder, f"{_PART}{name}-{os.getpid()}-gone")
    os.rename(path, gone)
    _remove(gone)


def _collect(checkpoints: str) -> None:
    for name in os.listdir(checkpoints):
        if name.startswith(_PART):
            _remove(os.path.join(checkpoints, name))


def _remove(path: str) -> None:
    import shutil

    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    else:
        shutil.rmtree(path, ignore_errors=True)


def bytes_for(told: Manifest, trial: int) -> bytes:
    """Return the manifest that the same files have as another trial's checkpoint."""
    return _manifest_bytes(told.level, trial, told.files)


def verify(directory: str, level: int, trial: int | None = None) -> Manifest:
    """Return the manifest of a checkpoint whose every byte is as it was saved.

    Args:
        directory: the checkpoint's own directory.
        level: the level it must be of.
        trial: the trial it must be of; None: any.

    Raises:
        CheckpointError: something differs; the text names the file and the difference.
    """
    manifest = outline(directory, level, trial)
    compare(directory, manifest, manifest.files)
    return manifest


def compare(directory: str, told: Manifest, which: Iterable[str]) -> None:
    """Compare every byte of some of a checkpoint's files with its manifest.

    Raises:
        CheckpointError: one differs; the text names it.
    """
    try:
        for name in which:
            if not hashing.is_called(os.path.join(directory, name), told.files[name]["sha256"]):
                raise CheckpointError(
                    f"{name!r} was changed after it was saved: its SHA-256 differs"
                )
    except OSError as error:
        raise CheckpointError(f"it cannot be read: {error}") from None


def outline(directory: str, level: int, trial: int | None = None) -> Manifest:
    """Return the manifest of a checkpoint with the files and sizes that it should have.

    Looks into no file: what is no checkpoint costs no more than a look. Else as ``verify``.
    """
    try:
        manifest = _read_manifest(directory)
        if manifest.level != level:
            raise CheckpointError(f"its manifest is of level {manifest.level}, not {level}")
        if trial is not None and manifest.trial != trial:
            raise CheckpointError(f"its manifest is of trial {manifest.trial}, not {trial}")
        _verify_names({*_files(directory)} - {NAME}, manifest.files)
        for name, told in manifest.files.items():
            size = os.path.getsize(os.path.join(directory, name))
            if size != told["size"]:
                raise CheckpointError(
                    f"{name!r} has {size} bytes, its manifest says {told['size']}"
                )
    except OSError as error:
        raise CheckpointError(f"it cannot be read: {error}") from None
    return manifest


def _verify_names(found: set[str], told: Mapping[str, object]) -> None:
    for name in sorted(found ^ told.keys()):
        raise CheckpointError(
            f"{name!r} is in the directory but not in the manifest"
            if name in found
            else f"{name!r} is in the manifest but not in the directory"
        )


def _read_manifest(directory: str) -> Manifest:
    path = os.path.join(directory, NAME)
    try:
        if stat.S_ISLNK(os.lstat(directory).st_mode):
            raise CheckpointError("it is a symbolic link")
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise CheckpointError(f"{NAME!r} is not a regular file")
        with open(path, "rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise CheckpointError(f"it has no {NAME!r}") from None
    return parse(data)


def parse(data: bytes) -> Manifest:
    """Return what the bytes of a manifest say.

    Raises:
        CheckpointError: they are no manifest, one of another schema, or one of files that must not
            be read or written.
    """
    import json

    if len(data) > LARGEST_BYTES:
        raise CheckpointError(f"{NAME!r} has more than {LARGEST_BYTES} bytes, which are not read")
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{NAME!r} cannot be read: {error}") from None
    if isinstance(told, dict) and told.get("schema") not in SCHEMAS:
        known = " and ".join(map(str, SCHEMAS))
        raise CheckpointError(
            f"its schema is {told.get('schema')!r}; this version reads {known} only"
        )
    return _checked(told, data)


def _checked(told: object, data: bytes) -> Manifest:
    try:
        if not isinstance(told, dict) or not isinstance(told["files"], dict):
            raise TypeError(told)
        own = _manifest_bytes(told["level"], told["trial"], told["files"], told["schema"])
        manifest = Manifest(told, _sha256(data))
    except (KeyError, TypeError, ValueError):
        raise CheckpointError(f"{NAME!r} is not a manifest") from None
    if own != data:
        raise CheckpointError(f"{NAME!r} was changed after it was saved: its SHA-256 differs")
    names.check(manifest.files)
    return manifest


def _files(top: str) -> Iterator[str]:
    """Yield the names, relative to ``top``, of all files below it.

    Raises:
        CheckpointError: one is neither a regular file nor a directory.
    """
    pending = [""]
    while pending:
        below = pending.pop()
        with os.scandir(os.path.join(top, below)) as entries:
            for entry in entries:
                name = os.path.join(below, entry.name)
                if entry.is_dir(follow_symlinks=False):
                    pending.append(name)
                elif entry.is_file(follow_symlinks=False):
                    yield name
                else:
                    kind = "a symbolic link" if entry.is_symlink() else "no regular file"
                    raise CheckpointError(f"{name!r} is {kind}")


def _sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()
