"""`torchrun ... -m convatlas train`: real processes that die, are stopped, and make mistakes."""

import json
import re
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.training.processes import alone, free_port, outcome, torchrun

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

STEPS = 120
TWO = ("--nproc-per-node", "2")


def command(out: Path, *, steps: int = STEPS, net: str = "resnet8_small", more=()) -> list[str]:
    return [
        "train", "digits", "--net", net, "--out", str(out), "--steps", str(steps),
        "--batch", "64", "--threads", "1", "--checkpoint-every", "0.2s", *more,
    ]  # fmt: skip


def worker(process, rank: int) -> psutil.Process:
    """The process of that rank, once it is there."""
    for _ in range(600):
        for child in psutil.Process(process.pid).children(recursive=True):
            try:
                if child.environ().get("RANK") == str(rank):
                    return child
            except psutil.Error:
                continue
        time.sleep(0.1)
    raise AssertionError("no such process")


def wait_for(path: Path, seconds: float = 120) -> None:
    limit = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < limit, f"no {path}"
        time.sleep(0.05)


def bytes_of(out: Path) -> dict[str, bytes]:
    """What must be the same however a run went."""
    run, result = out / "run", json.loads((out / "result.json").read_bytes())
    checkpoint = (run / "checkpoint.safetensors").read_bytes()
    header = int.from_bytes(checkpoint[:8], "little")  # it holds the seconds trained
    return {
        "tensors": checkpoint[8 + header :],
        "log": (run / "log.jsonl").read_bytes(),
        "bundle": (out / "resnet8_small.bundle" / "weights.safetensors").read_bytes(),
        "test": json.dumps(result["test"]).encode(),
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Two processes that nobody disturbed."""
    out = tmp_path_factory.mktemp("whole")
    with torchrun(command(out)) as process:
        code, printed, err = outcome(process)
    assert code == 0, err
    assert printed.count("test accuracy") == 1
    return bytes_of(out)


def test_one_that_dies_ends_the_run_in_seconds(tmp_path):
    with torchrun(command(tmp_path)) as process:
        wait_for(tmp_path / "run" / "checkpoint.safetensors")
        worker(process, 1).kill()
        start = time.monotonic()
        code, _, err = outcome(process)
        took = time.monotonic() - start
    print("TOOK one that dies", took)
    assert code == 1
    assert err.count("Another process of this run is gone") == 1
    assert took < 30


@pytest.mark.parametrize("rank", [0, 1])
def test_torchrun_starts_again_and_the_bytes_are_the_same(tmp_path, whole, rank):
    with torchrun(command(tmp_path), (*TWO, "--max-restarts", "3")) as process:
        wait_for(tmp_path / "run" / "checkpoint.safetensors")
        for _ in range(2):
            victim = worker(process, rank)
            victim.kill()
            victim.wait(30)
            time.sleep(12)
        code, _, err = outcome(process)
    assert code == 0, err
    assert bytes_of(tmp_path) == whole


def test_sigterm_to_torchrun_loses_no_step(tmp_path, whole):
    with torchrun(command(tmp_path, more=("--checkpoint-every", "1h"))) as process:
        wait_for(tmp_path / "run" / "log.jsonl")
        time.sleep(3)
        leader, other = worker(process, 0), worker(process, 1)
        start = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code, _, err = outcome(process)
        took = time.monotonic() - start
    print("TOOK SIGTERM", took, "code", code, err[-600:])
    assert not leader.is_running()
    assert not other.is_running()
    assert (tmp_path / "run" / "checkpoint.safetensors").exists()
    with torchrun(command(tmp_path)) as process:
        assert outcome(process)[0] == 0
    assert bytes_of(tmp_path) == whole


def test_another_number_of_processes_is_said(tmp_path):
    with torchrun(command(tmp_path)) as process:
        wait_for(tmp_path / "run" / "checkpoint.safetensors")
        process.send_signal(signal.SIGTERM)
        outcome(process)
    with alone(command(tmp_path)) as process:
        code, _, err = outcome(process)
    assert code == 0, err
    assert "1 processes go on with a run of 2" in err


def test_two_machines(tmp_path, whole):
    def of(machine: int) -> tuple[str, ...]:
        return (
            "--nnodes", "2", "--node-rank", str(machine), "--nproc-per-node", "1",
            "--master-addr", "127.0.0.1", "--master-port", port,
        )  # fmt: skip

    port = str(free_port())
    with torchrun(command(tmp_path), of(0)) as first, torchrun(command(tmp_path), of(1)) as second:
        found = [outcome(first), outcome(second)]
    assert [code for code, _, _ in found] == [0, 0], found
    assert bytes_of(tmp_path) == whole


MISTAKES = {
    "batch": (["--batch", "63"], "batch_size=63 cannot be shared equally by 2 processes"),
    "net": (["--net", "lenet5_small"], "holds another training: family is resnet_cifar there"),
    "recipe": (["--learning-rate", "0.01"], "recipe.learning_rate is"),
    "name": (["--recipe", "smal-data"], "small-data"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_said_once_and_soon(tmp_path, name):
    out = tmp_path / "out"
    with alone(command(out, steps=2)) as process:
        assert outcome(process)[0] == 0
    more, message = MISTAKES[name]
    start = time.monotonic()
    with torchrun([*command(out, steps=2), *more]) as process:
        code, _, err = outcome(process)
    print("TOOK mistake", name, time.monotonic() - start)
    assert code == 1  # torchrun's own
    assert "exitcode  : 2" in err
    assert message in err
    assert len(re.findall("^error: ", err, re.MULTILINE)) == 1
    with alone([*command(out, steps=2), *more]) as process:
        code, _, err = outcome(process)
    assert (code if name != "batch" else 2) == 2


def test_a_place_that_cannot_be_written_is_said_by_the_leader_and_ends_all(tmp_path):
    (tmp_path / "file").write_text("in the way")
    start = time.monotonic()
    with torchrun(command(tmp_path / "file" / "out")) as process:
        code, _, err = outcome(process)
    print("TOOK unwritable", time.monotonic() - start)
    assert code == 1
    assert len(re.findall("^error: Cannot use ", err, re.MULTILINE)) == 1
