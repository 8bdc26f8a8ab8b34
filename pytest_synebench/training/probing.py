"""What a script's own variables hold whenever it reports, saves or has resumed: to find faults.

Only an attempt whose trial has a folder ``probes`` is looked into: ``--synebench-verify-resume``
makes one once it has found that a script resumes wrongly. A look changes nothing: values are read,
hashed and written to ``probes/<attempt>.jsonl``, a line per look.

Seen are the names in the script's frames and in the modules beside it, and what can be reached from
them through containers and objects of the script's own; generators of random numbers, and whatever
has ``state_dict()``, as a whole. Not seen: what lives in a library, or in a running iterator.

Invariants (tests/training/test_probing.py holds each one):
- without the folder nothing is imported, looked at or written;
- equal values have equal digests in another process too, and values that differ have others;
- a look draws no random number, and an object that cannot be read is passed over;
- what is written is bounded.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import Any, TypeAlias

    #: Kind, digest and looks of a value.
    Leaf: TypeAlias = tuple[str, str, str]

FOLDER = "probes"
GENERATORS = "generators"  #: the scope of the global generators
_MOST = 3000  #: values of one look
_DEPTH = 6
_WIDE = 100  #: a container with more entries is one value
_SHOWN = 60
_SAMPLED = 20_000  #: of a longer container so many entries make the digest
_SCALARS = (bool, int, float, str, bytes, type(None))
#: What a class is called, itself or above, that says what its objects are.
_KINDS = {
    "Optimizer": "optimizer",
    "LRScheduler": "schedule",
    "_LRScheduler": "schedule",
    "ReduceLROnPlateau": "schedule",
    "GradScaler": "scaler",
    "Sampler": "sampler",
    "Module": "module",
}


class Probe:
    """Looks into one attempt's process."""

    def __init__(self, folder: str, attempt: int, script: str) -> None:
        """Begin.

        Args:
            folder: where to write.
            attempt: its number.
            script: whose variables are looked at, with those of the modules beside it.
        """
        self._path = os.path.join(folder, f"{attempt}.jsonl")
        self._beside = os.path.dirname(os.path.realpath(script)) + os.sep

    def look(self, at: str, level: int) -> None:
        """Write down what the variables hold now.

        Args:
            at: where the script is: "resumed", "checkpoint" or "report".
            level: that it is about.
        """
        import json

        state: dict[str, Leaf] = {}
        for scope, names in self._scopes(sys._getframe(1)):
            for name, value in names.items():
                if not name.startswith("__"):
                    self._walk(value, f"{scope}:{name}", state, _DEPTH, frozenset())
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"at": at, "level": level, "state": state}) + "\n")

    def _scopes(self, frame: FrameType | None) -> Iterator[tuple[str, dict[str, Any]]]:
        yield GENERATORS, _global_generators()
        done = set()
        while frame is not None:
            code = frame.f_code
            if self._is_own(code.co_filename):
                name = "" if code.co_name == "<module>" else f"{code.co_name}()"
                if name not in done:
                    done.add(name)
                    yield name, dict(frame.f_locals)
            frame = frame.f_back
        main = sys.modules["__main__"]
        if "" not in done:
            yield "", dict(vars(main))
        for name, module in list(sys.modules.items()):
            if module is not main and self._is_own(getattr(module, "__file__", None) or ""):
                yield name, dict(vars(module))

    def _walk(
        self, value: Any, path: str, out: dict[str, Leaf], depth: int, above: frozenset[int]
    ) -> None:
        """Note a value and what can be reached from it."""
        if len(out) >= _MOST or id(value) in above:
            return
        try:
            leaf = _leaf(value, depth)
            if leaf is not None:
                out[path] = leaf
            elif depth:
                for name, inner in self._parts(value):
                    self._walk(inner, path + name, out, depth - 1, above | {id(value)})
        except Exception:  # a property that raises, an object that is half made: not seen
            return

    def _parts(self, value: Any) -> Iterator[tuple[str, Any]]:
        """Yield what a value consists of, and how each part is reached."""
        if isinstance(value, dict):
            yield from ((f"[{key!r}]", inner) for key, inner in list(value.items()))
        elif isinstance(value, (list, tuple)) or type(value).__name__ == "deque":
            yield from ((f"[{i}]", inner) for i, inner in enumerate(value))
        elif hasattr(value, "gi_frame"):
            names = dict(value.gi_frame.f_locals) if value.gi_frame else {}
            yield from ((f".{name}", inner) for name, inner in names.items())
        elif hasattr(value, "__closure__"):
            cells = zip(value.__code__.co_freevars, value.__closure__ or (), strict=True)
            yield from ((f".{name}", cell.cell_contents) for name, cell in cells)
        elif self._is_script_class(type(value)):
            held = dict(getattr(value, "__dict__", {}))
            held.update((n, getattr(value, n)) for n in _slots(type(value)) if hasattr(value, n))
            yield from ((f".{name}", inner) for name, inner in held.items())

    def _is_script_class(self, kind: type) -> bool:
        module = sys.modules.get(kind.__module__)
        return kind.__name__ in {"Namespace", "SimpleNamespace"} or self._is_own(
            getattr(module, "__file__", None) or ""
        )

    def _is_own(self, file: str) -> bool:
        return os.path.realpath(file).startswith(self._beside) if file.endswith(".py") else False


def _global_generators() -> dict[str, Any]:
    import random

    out: dict[str, Any] = {"random": random.getstate()}
    if "numpy.random" in sys.modules:
        told = sys.modules["numpy.random"].get_state()
        out["numpy.random"] = (told[1].tolist(), told[2:])
    if "torch" in sys.modules:
        out["torch"] = sys.modules["torch"].get_rng_state()
    return {name: _Seen(state) for name, state in out.items()}


class _Seen:
    """The state of a generator."""

    def __init__(self, state: Any) -> None:
        self.state = state


def _leaf(value: Any, depth: int) -> Leaf | None:
    """Return kind, digest and looks of a value that is looked at as a whole; None: of no such."""
    kind = type(value)
    if isinstance(value, _SCALARS):
        plain = next(one for one in _SCALARS if isinstance(value, one))
        return plain.__name__, _digest(value), _shown(value)
    state = _generator_state(value)
    if state is not None:
        return "generator", _digest(state), kind.__name__
    if not isinstance(value, type) and callable(getattr(value, "state_dict", None)):
        return _kind_of(kind), _digest(value.state_dict()), kind.__name__
    if hasattr(value, "tobytes") or hasattr(value, "untyped_storage"):
        return "array", _digest(value), f"{kind.__name__} {getattr(value, 'shape', '')}"
    if isinstance(value, (list, tuple, set, frozenset, dict)) or kind.__name__ == "deque":
        flat = all(isinstance(one, _SCALARS) for one in value) and not isinstance(value, dict)
        if flat or len(value) > _WIDE or depth == 0:
            return kind.__name__, _digest(value), _shown(value)
    elif kind.__name__.endswith("_iterator") and hasattr(value, "__length_hint__"):
        return "iterator", str(value.__length_hint__()), f"{value.__length_hint__()} left"
    return None


def _kind_of(kind: type) -> str:
    found = [_KINDS[one.__name__] for one in kind.__mro__ if one.__name__ in _KINDS]
    return found[0] if found else "stateful"


def _generator_state(value: Any) -> Any:
    if isinstance(value, _Seen):
        return value.state
    names = {one.__name__ for one in type(value).__mro__}
    if isinstance(value, type) or not names & {"Random", "Generator", "RandomState"}:
        return None
    if hasattr(value, "bit_generator"):
        return value.bit_generator.state
    for name in ("getstate", "get_state"):
        if hasattr(value, name):
            return getattr(value, name)()
    return None


def _slots(kind: type) -> list[str]:
    several = [vars(one).get("__slots__", ()) for one in kind.__mro__]
    return [name for one in several for name in ((one,) if isinstance(one, str) else one)]


def _shown(value: Any) -> str:
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=repr)
    text = " ".join(repr(value).split()) if len(value if _sized(value) else ()) <= _WIDE else ""
    text = text or f"{len(value)} entries"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 2] + ".."


def _sized(value: Any) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, (str, bytes))


def _digest(value: Any) -> str:
    import hashlib

    digest = hashlib.sha256()
    for part in _bytes(value, 12):
        digest.update(part)
        digest.update(b"\0")
    return digest.hexdigest()[:16]


def _bytes(value: Any, depth: int) -> Iterator[bytes]:
    """Yield what tells a value from others, the same in every process."""
    if isinstance(value, _SCALARS):
        told = value.hex() if isinstance(value, float) else repr(value)
        yield told.encode(errors="surrogatepass")
    elif isinstance(value, (set, frozenset)):
        yield repr(sorted(map(repr, value))).encode(errors="surrogatepass")
    elif hasattr(value, "untyped_storage") or hasattr(value, "tobytes"):
        yield f"{getattr(value, 'dtype', '')}{getattr(value, 'shape', '')}".encode()
        yield _array_bytes(value)
    elif depth and (isinstance(value, (dict, list, tuple)) or type(value).__name__ == "deque"):
        inner = list(value.items() if isinstance(value, dict) else value)
        yield f"{type(value).__name__} {len(inner)}".encode()
        for one in inner[:: 1 + len(inner) // _SAMPLED]:
            yield from _bytes(one, depth - 1)
    else:
        yield type(value).__name__.encode()


def _array_bytes(value: Any) -> bytes:
    if not hasattr(value, "untyped_storage"):
        return bytes(value.tobytes())
    as_bytes = value.detach().cpu().contiguous().reshape(-1).view(sys.modules["torch"].uint8)
    return bytes(as_bytes.numpy())
