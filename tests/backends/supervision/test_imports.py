"""The modules a script imports, from its text."""

from __future__ import annotations

import random
import tempfile
import textwrap
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.backends.supervision.imports import files_beside, modules_of


def modules(folder: Path, text: str, *preload: str, **beside: str) -> tuple[str, ...]:
    for name, content in beside.items():
        path = folder / f"{name.replace('_IN_', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(content))
    script = folder / "train.py"
    script.write_text(textwrap.dedent(text))
    return modules_of(script, preload)


def test_imports_count_wherever_they_stand(tmp_path: Path) -> None:
    text = """
        import a.b, c as d
        def function():
            import e
            class Inner:
                import f
        if some.condition:
            import g
        try:
            import h
        except ImportError:
            import i
    """
    assert modules(tmp_path, text) == ("a.b", "c", "e", "f", "g", "h", "i")


def test_what_is_imported_from_a_module_may_be_one(tmp_path: Path) -> None:
    text = "import torch.nn\nfrom torch import nn, optim as o\nfrom json import *"
    assert modules(tmp_path, text) == ("json", "torch", "torch.nn", "torch.optim?")


def test_what_only_a_type_checker_follows_does_not_count(tmp_path: Path) -> None:
    text = """
        from __future__ import annotations
        import typing
        if typing.TYPE_CHECKING:
            import a
        else:
            import b
        if TYPE_CHECKING:
            from c import d
    """
    assert modules(tmp_path, text) == ("b", "typing")


def test_what_stands_beside_the_script_is_followed_and_not_named(tmp_path: Path) -> None:
    found = modules(
        tmp_path,
        "import model\nfrom package import part\nimport package.deep.x\nfrom . import gone\n",
        model="import a\nimport train\nimport model",
        package_IN___init__="import b",
        package_IN_part="from .other import x\nfrom . import third\nimport c",
        package_IN_other="import d",
        package_IN_third="import e",
    )
    assert found == ("a", "b", "c", "d", "e")


def test_the_files_that_a_script_imports_from_beside_itself_are_named_from_there(
    tmp_path: Path,
) -> None:
    modules(
        tmp_path,
        "import model, json\nfrom package import part\n",
        model="import train",
        package_IN___init__="",
        package_IN_part="from . import other",
        package_IN_other="",
        unused="",
    )
    link = tmp_path / "elsewhere" / "link.py"
    link.parent.mkdir()
    link.symlink_to(tmp_path / "train.py")
    names = ["model.py", "package/__init__.py", "package/other.py", "package/part.py"]
    for script in (tmp_path / "train.py", link):
        assert files_beside(script) == {name: tmp_path / name for name in names}
        assert list(files_beside(script)) == names


def test_a_folder_or_a_compiled_module_beside_the_script_is_its_own_too(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "fast.so").touch()
    assert modules(tmp_path, "import folder.x, fast, torch") == ("torch",)


def test_a_script_behind_a_link_has_the_neighbours_of_the_real_one(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "a.py").write_text("")
    link = tmp_path / "link.py"
    modules(real, "import a")
    link.symlink_to(real / "train.py")
    assert modules_of(link) == ("a",)


def test_what_is_to_be_loaded_before_is_added_as_it_is(tmp_path: Path) -> None:
    assert modules(tmp_path, "import b", "c", "a", "b") == ("a", "b", "c")


def test_a_script_that_cannot_be_parsed_or_read_has_no_imports(tmp_path: Path) -> None:
    assert modules(tmp_path, "import a\nif:") == ()
    assert modules_of(tmp_path / "none.py") == ()
    assert modules(tmp_path, "import a\n" + 100_000 * "-" + "1") == ()
    (tmp_path / "binary.py").write_bytes(b"import a\0\xff")
    assert modules_of(tmp_path / "binary.py") == ()


def test_a_neighbour_that_cannot_be_parsed_has_none_either(tmp_path: Path) -> None:
    assert modules(tmp_path, "import broken, a", broken="if:") == ("a",)


NAMES = st.sampled_from(["alpha", "alpha.beta", "gamma", "delta.one.two"])


@given(names=st.lists(NAMES), other=st.randoms(use_true_random=False))
def test_neither_order_nor_number_matters(names: list[str], other: random.Random) -> None:

    with tempfile.TemporaryDirectory() as folder:
        first = modules(Path(folder), "\n".join(f"import {name}" for name in names))
        again = [*names, *names]
        other.shuffle(again)
        assert modules(Path(folder), "\n".join(f"import {name}" for name in again)) == first
        assert first == tuple(sorted(set(names)))
