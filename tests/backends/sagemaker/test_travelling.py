"""What travels runs a job by itself."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_synebench.backends.sagemaker.layout import ENTRY
from pytest_synebench.backends.sagemaker.packing import pack
from pytest_synebench.backends.sagemaker.travelling import ENTRY as ENTRY_FILE
from pytest_synebench.backends.sagemaker.travelling import beside, everything, travelling
from pytest_synebench.training.entrypoint.entry import ARCHIVE

SCRIPT = """\
import pytest_synebench, sys
from pytest_synebench.training import Reporter
Reporter()(epoch=1, loss=0.5)
print(pytest_synebench.__file__, sys.argv[1:])
"""


def container(root: Path) -> Path:
    code, channel = root / "given", root / "input" / "data" / "code"
    for folder in (code, channel, root / "input" / "config"):
        folder.mkdir(parents=True)
    (code / "train.py").write_text(SCRIPT)
    (channel / ARCHIVE).write_bytes(pack(code, travelling()).archive)
    (channel / ENTRY).write_bytes(ENTRY_FILE.read_bytes())
    told = '{"sagemaker_program": "\\"train.py\\"", "lr": "0.1"}'
    (root / "input" / "config" / "hyperparameters.json").write_text(told)
    return channel / ENTRY


def test_what_travels_runs_a_job_where_nothing_of_ours_is_installed(tmp_path: Path) -> None:
    entry = container(tmp_path)
    # Without site-packages: nothing but the standard library and what travels can be imported.
    done = subprocess.run(
        [sys.executable, "-S", "-E", str(entry)],
        env={"PATH": os.defpath, "SYNEBENCH_CONTAINER_ROOT": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    last = done.stdout.splitlines()[-1]
    assert last == f"{tmp_path}/code/pytest_synebench/__init__.py ['--lr', '0.1']"


LAZY = "pytest_synebench/__init__.py"  #: names a user writes; loaded where they are used


@pytest.mark.parametrize("name", sorted(travelling().keys() - {LAZY}))
def test_what_a_file_that_travels_imports_of_ours_travels_too(name: str) -> None:
    there = {one.removesuffix(".py").replace("/", ".") for one in travelling()}
    for node in ast.walk(ast.parse(travelling()[name])):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pytest_synebench"):
            found = {f"{node.module}.{one.name}" for one in node.names} & there
            whole = {f"{node.module}", f"{node.module}.__init__"} & there
            assert found or whole, f"{name} imports {node.module}, which does not travel"
        elif isinstance(node, ast.Import):
            ours = [one.name for one in node.names if one.name.startswith("pytest_synebench")]
            assert not ours, f"{name} imports {ours}: write from … import …"


def test_an_attempt_needs_nothing_but_boto3(tmp_path: Path) -> None:
    boto3 = pytest.importorskip("boto3", reason="needs the extra 'aws'")
    for name, data in travelling().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    # Without site: nothing else is found, not even by the hooks of an editable installation.
    program = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}]\n"
        f"sys.path.append({str(Path(boto3.__file__).parents[1])!r})\n"
        "import pytest_synebench.training.agent.running as one\n"
        "print(one.__file__)\n"
        "from pytest_synebench.checkpoints.s3.asking import new_client\n"
        "new_client('http://127.0.0.1:9')\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.startswith(str(tmp_path))


@pytest.mark.parametrize("name", sorted(travelling()))
def test_what_travels_is_of_the_job_side(name: str) -> None:
    heavy = ("backends", "experiment", "plugin", "schedulers", "searchers", "analysis")
    assert name.split("/")[1] not in heavy


def test_what_travels_with_a_tuner_is_what_pip_installs(tmp_path: Path) -> None:
    for name, data in everything().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    program = (
        "import sys; from importlib import metadata\n"
        "import pytest_synebench; print(pytest_synebench.__file__)\n"
        "for group in ('pytest11', 'synebench.benchmarks'):\n"
        "    print(len(metadata.entry_points(group=group)) > 0)\n"
        "import pytest_synebench.benchmarks.lstm_wikitext2 as one; print(one.__file__)\n"
        "print('numpy>=' in ' '.join(metadata.requires('pytest-synebench')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    package = tmp_path / "pytest_synebench"
    one = package / "benchmarks" / "lstm_wikitext2" / "__init__.py"
    assert done.stdout.splitlines() == [
        str(package / "__init__.py"), "True", "True", str(one), "True",
    ]  # fmt: skip
    assert (one.parent / "dependencies.txt").exists()
    assert not any(name.endswith(".pyc") for name in everything())


def test_a_file_of_the_package_is_known_by_its_name_in_a_job(tmp_path: Path) -> None:
    names = everything()
    assert beside(ENTRY_FILE) in names
    from pytest_synebench.backends.sagemaker.travelling import benchmarks

    script = beside(benchmarks() / "lstm_wikitext2" / "train.py")
    assert script == "pytest_synebench/benchmarks/lstm_wikitext2/train.py"
    assert script in names
    assert beside(tmp_path / "train.py") == ""
