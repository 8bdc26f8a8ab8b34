from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_synebench.backends.local.devices import VISIBLE, Devices, visible_gpus

NOWHERE = Path("/nowhere")


def with_files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("preset", "gpus"),
    [
        ("0", ["0"]),
        ("2,0", ["2", "0"]),
        (" 3 , 1", ["3", "1"]),
        ("GPU-8f2a,GPU-11ce", ["GPU-8f2a", "GPU-11ce"]),
        ("MIG-1d6a,MIG-77ff", ["MIG-1d6a", "MIG-77ff"]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("none", []),
        ("1,-1,0", ["1"]),
        ("1,,0", ["1"]),
        ("0,GPU-8f2a", ["0"]),
        ("GPU-8f2a,0", ["GPU-8f2a"]),
        ("0,1,0", []),
        ("GPU-8f2a,GPU-8f2a", []),
    ],
)
def test_a_preset_variable_is_honoured_up_to_the_first_entry_that_names_no_gpu(
    preset: str, gpus: list[str]
) -> None:
    assert visible_gpus({VISIBLE: preset}, NOWHERE) == tuple(gpus)


ENTRIES = st.sampled_from(
    ["0", "1", "12", "+2", "-1", "", " 1", "2gpu", "x", "GPU-a", "GPU-b", "MIG-a", "NoDevFiles"]
)


@settings(deadline=None)
@given(entries=st.lists(ENTRIES, min_size=1, max_size=5))
def test_a_preset_variable_is_read_as_torch_reads_it(entries: list[str]) -> None:
    cuda = pytest.importorskip("torch.cuda")
    preset = ",".join(entries)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VISIBLE, preset)
        theirs = cuda._parse_visible_devices()
    assert visible_gpus({VISIBLE: preset}, NOWHERE) == tuple(map(str, theirs))


def test_without_a_preset_the_device_files_are_counted_in_cudas_order(tmp_path: Path) -> None:
    root = with_files(tmp_path, "dev/nvidia10", "dev/nvidia2", "dev/nvidiactl", "dev/nvidia-uvm")
    assert visible_gpus({}, root) == ("0", "1")


def test_device_files_go_before_what_the_driver_lists_for_the_whole_host(tmp_path: Path) -> None:
    gpus = "proc/driver/nvidia/gpus"
    root = with_files(tmp_path, f"{gpus}/0000:01:00.0", f"{gpus}/0000:02:00.0")
    assert visible_gpus({}, root) == ("0", "1")
    with_files(tmp_path, "dev/nvidia1")
    assert visible_gpus({}, root) == ("0",)


def test_an_entry_beyond_the_device_files_names_no_gpu(tmp_path: Path) -> None:
    root = with_files(tmp_path, "dev/nvidia0", "dev/nvidia1")
    assert visible_gpus({VISIBLE: "1,2,0"}, root) == ("1",)


def test_a_machine_without_gpus_has_none() -> None:
    assert visible_gpus({}, NOWHERE) == ()


def test_trials_take_turns_over_free_gpus() -> None:
    devices = Devices(["0", "2", "5"], per_trial=1)
    shown = []
    for trial in range(5):
        shown.append(devices.assign(trial)[VISIBLE])
        devices.release(trial)
    assert shown == ["0", "2", "5", "0", "2"]


def test_a_trial_gets_its_gpus_in_the_order_of_the_machine() -> None:
    devices = Devices(["GPU-a", "GPU-b", "GPU-c"], per_trial=2)
    assert devices.assign("one") == {VISIBLE: "GPU-a,GPU-b"}
    assert devices.assign("two") == {VISIBLE: "GPU-a,GPU-c"}
    assert devices.assign("one") == {VISIBLE: "GPU-a,GPU-b"}


@pytest.mark.parametrize(("gpus", "per_trial"), [([], 0), ([], 1), (["0", "1"], 0)])
def test_without_gpus_to_share_the_environment_stays_as_it_is(
    gpus: Sequence[str], per_trial: int
) -> None:
    devices = Devices(gpus, per_trial)
    assert devices.assign("trial") == {}
    devices.release("trial")
    devices.release("trial")


@given(
    count=st.integers(1, 6),
    per_trial=st.integers(1, 6),
    moves=st.lists(st.integers(0, 7), max_size=60),
)
def test_a_gpu_gets_another_user_only_where_no_other_has_fewer(
    count: int, per_trial: int, moves: list[int]
) -> None:
    gpus = [f"GPU-{i}" for i in range(count)]
    devices, twin = Devices(gpus, per_trial), Devices(gpus, per_trial)
    held: dict[int, list[str]] = {}
    assigned = dict.fromkeys(gpus, 0)
    for trial in moves:
        if trial in held:  # the trial ends
            del held[trial]
            devices.release(trial)
            twin.release(trial)
            continue
        users = {gpu: sum(gpu in theirs for theirs in held.values()) for gpu in gpus}
        shown = devices.assign(trial)
        assert twin.assign(trial) == shown

        held[trial] = shown[VISIBLE].split(",")
        rest = [gpu for gpu in gpus if gpu not in held[trial]]
        assert len(set(held[trial])) == min(per_trial, count)
        for mine in held[trial]:
            for other in rest:
                assert (users[mine], assigned[mine]) <= (users[other], assigned[other])
            assigned[mine] += 1
    everybody = [gpu for theirs in held.values() for gpu in theirs]
    if len(set(moves)) * min(per_trial, count) <= count:
        assert len(everybody) == len(set(everybody))
