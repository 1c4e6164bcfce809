"""Reading checkpoints: every way they are written, and every way they are damaged or hostile."""

import argparse
import collections
import json
import os
import pickle
import random
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn

from convatlas.errors import UserError
from convatlas.foreign import read_checkpoint
from tests.foreign.files import (
    WRITERS,
    Trap,
    before_2020,
    plain_pickle,
    pth,
    rezipped,
    safetensors,
)


def small_state() -> dict[str, Tensor]:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2))
    return dict(net.state_dict())


def refused(path: Path) -> str:
    """The message of the refusal, which names the file and takes no time."""
    start = time.perf_counter()
    with pytest.raises(UserError) as raised:
        read_checkpoint(path)
    assert time.perf_counter() - start < 20
    assert str(path) in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("name", WRITERS)
def test_each_form_gives_the_same_tensors(tmp_path, name):
    state = small_state()
    found = read_checkpoint(WRITERS[name](tmp_path / name, state))
    assert found.tensors.keys() == state.keys()
    assert all(torch.equal(found.tensors[k], v) for k, v in state.items())
    assert found.taken_from == ""


def test_the_content_tells_the_form_not_the_name(tmp_path):
    state = small_state()
    path = safetensors(tmp_path / "x.pth", state)
    assert read_checkpoint(path).tensors.keys() == state.keys()


@pytest.mark.parametrize("key", ["state_dict", "model", "model_state_dict"])
@pytest.mark.parametrize("write", [pth, before_2020])
def test_wrappers_of_training_scripts_come_off(tmp_path, key, write):
    state, step = small_state(), torch.tensor(3)
    moments = {0: {"exp_avg": torch.zeros(2)}}
    content = {"epoch": 3, "step": step, "optimizer": {"state": moments}, key: state}
    found = read_checkpoint(write(tmp_path / "x.pth", content))
    assert found.tensors.keys() == state.keys()
    assert (found.taken_from, found.also_there) == (key, ())


def test_averaged_weights_beside_the_plain_ones_are_told(tmp_path):
    state = small_state()
    content = {"model": state, "model_ema": {"n_averaged": torch.tensor(3), **state}}
    found = read_checkpoint(pth(tmp_path / "x.pth", content))
    assert (found.taken_from, found.also_there) == ("model", ("model_ema",))
    alone = read_checkpoint(pth(tmp_path / "y.pth", {"model_ema": content["model_ema"]}))
    assert (alone.taken_from, alone.also_there) == ("model_ema", ())
    assert alone.tensors.keys() == state.keys()


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "model."])
def test_a_prefix_of_all_names_comes_off(tmp_path, prefix):
    state = small_state()
    prefixed = {f"{prefix}{name}": value for name, value in state.items()}
    assert read_checkpoint(pth(tmp_path / "x.pth", prefixed)).tensors.keys() == state.keys()


def test_a_prefix_of_some_names_is_part_of_them(tmp_path):
    state = {"module.a": torch.zeros(1), "b": torch.zeros(1)}
    assert read_checkpoint(pth(tmp_path / "x.pth", state)).tensors.keys() == state.keys()


def test_what_is_no_file_of_weights(tmp_path):
    assert "No such file" in refused(tmp_path / "none.pth")
    assert "is a directory" in refused(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "is a pipe" in refused(tmp_path / "pipe")
    path = tmp_path / "x"
    for content in (b"", b"\x80", b"PK", b"epoch,loss\n1,2.5\n", b"\x89PNG\r\n\x1a\n" + bytes(99)):
        path.write_bytes(content)
        assert "Give the original" in refused(path)


@pytest.mark.parametrize(
    "content", [3, [torch.zeros(2)], {}, {"epoch": 3}, {"model": {"model": {}}}, {3: torch.ones(1)}]
)
def test_no_state_dict_in_it(tmp_path, content):
    assert "holds no state dict" in refused(pth(tmp_path / "x.pth", content))


def test_dicts_in_dicts_are_followed_for_a_while_only(tmp_path):
    content: Any = small_state()
    for _ in range(50):
        content = {"model": content}
    assert "holds no state dict" in refused(pth(tmp_path / "x.pth", content))


@pytest.mark.parametrize("write", [pth, before_2020, plain_pickle])
def test_nothing_in_a_file_is_run(tmp_path, write):
    made = tmp_path / "made"
    path = write(tmp_path / "x.pth", {"run": Trap(made), "state_dict": small_state()})
    told = refused(path)
    assert "mkdir" in told
    assert "torch.save(net.state_dict(), 'weights.pth')" in told
    assert not made.exists()
    with suppress(pickle.UnpicklingError, RuntimeError):
        torch.load(path, weights_only=False)
    assert made.exists()  # the trap is one


@pytest.mark.parametrize("write", [pth, before_2020])
@pytest.mark.parametrize("held", [argparse.Namespace(lr=0.1), nn.Linear(2, 2), Path("x")])
def test_what_needs_more_than_tensors_says_what(tmp_path, write, held):
    kind = type(held)
    told = refused(write(tmp_path / "x.pth", {"model": small_state(), "args": held}))
    assert f"{kind.__module__}.{kind.__qualname__}" in told
    assert "Where the net was trained" in told


@pytest.mark.parametrize("name", WRITERS)
def test_truncated_anywhere(tmp_path, name):
    content = WRITERS[name](tmp_path / name, small_state()).read_bytes()
    path = tmp_path / name
    for kept in (*range(0, 64, 7), *range(64, len(content) - 1, len(content) // 40)):
        path.write_bytes(content[:kept])
        refused(path)


def fuzzed(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 8))):
        place = chance.randrange(len(changed))
        if chance.random() < 0.2:
            del changed[place : place + chance.randrange(1, 9)]
        else:
            changed[place] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    return bytes(changed)


def fuzz(directory: Path, name: str, times: int) -> None:
    """A changed file gives tensors or a `UserError` that names it, never anything else."""
    content = WRITERS[name](directory / name, small_state()).read_bytes()
    path, chance = directory / f"changed-{name}", random.Random(0)
    for _ in range(times):
        path.write_bytes(fuzzed(content, chance))
        told = ""
        try:
            found = read_checkpoint(path)
        except UserError as error:
            told = str(error)
        if told:
            assert str(path) in told
        else:
            assert all(isinstance(tensor, Tensor) for tensor in found.tensors.values())


@pytest.mark.parametrize("name", WRITERS)
def test_changed_bytes(tmp_path, name):
    fuzz(tmp_path, name, 150)


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITERS)
def test_changed_bytes_for_long(tmp_path, name):
    fuzz(tmp_path, name, 20_000)


def test_files_beyond_every_net_are_not_read(tmp_path):
    path = pth(tmp_path / "x.pth", small_state())
    with path.open("r+b") as file:
        file.truncate(5 << 30)
    assert "5,368,709,120 bytes; 4,294,967,296 are allowed" in refused(path)


def header(value: Any, data: bytes = b"") -> bytes:
    text = json.dumps(value).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(shape: list[int], start: int, end: int) -> dict[str, Any]:
    return {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (struct.pack("<Q", 1 << 62) + b"{}", "declares a header of 4,611,686,018,427,387,904"),
        (struct.pack("<Q", (8 << 20) + 1) + b"{" * (9 << 20), "8,388,608 are allowed"),
        (struct.pack("<Q", 100) + b"{}", "declares a header of 100 bytes"),
        (struct.pack("<Q", 60_000) + b"{" * 60_000, "is not safetensors"),
        (header({"a": 1}), "is not safetensors"),
        (header({"a": entry([1 << 40], 0, 4 << 40)}), "is not safetensors"),
        (header({"a": entry([2], 0, 4)}, bytes(4)), "is not safetensors"),
        (header({"a": entry([1], 0, 4), "b": entry([1], 0, 4)}, bytes(4)), "is not safetensors"),
        (header({"a": entry([1], 0, 4)}, bytes(9)), "is not safetensors"),
        (header({}), "holds no state dict"),
        (header({f"{i}": entry([0], 0, 0) for i in range(10_001)}), "10,000 are allowed"),
    ],
)  # fmt: skip
def test_safetensors_that_lie(tmp_path, content, told):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    assert told in refused(path)


def test_compressed_entries_are_refused_before_they_grow(tmp_path):
    path = pth(tmp_path / "x.pth", small_state())
    rezipped(path, lambda name, content: content, compressed=True)
    assert "compressed entries" in refused(path)


def test_a_description_longer_than_any_nets(tmp_path):
    path = pth(tmp_path / "x.pth", {"note": "x" * (9 << 20), **small_state()})
    assert "describes its tensors in" in refused(path)
    path = before_2020(tmp_path / "y.pth", {"note": "x" * (9 << 20), **small_state()})
    assert "described in more than 8,388,608 bytes" in refused(path)


@pytest.mark.slow
def test_a_description_of_many_parts(tmp_path):
    path = before_2020(tmp_path / "z.pth", {"note": list(range(1 << 21)), **small_state()})
    assert "described in more than 8,388,608 bytes" in refused(path)


@pytest.mark.parametrize("of", ["size", "storage", "both"])
def test_shapes_larger_than_what_is_stored(tmp_path, of):
    """Four numbers that claim to be two thousand million: in the tensor, its storage, or both."""
    path = pth(tmp_path / "x.pth", {"a": torch.arange(4.0)})
    many = b"J" + struct.pack("<i", 2**31 - 1)

    def change(name: str, content: bytes) -> bytes:
        if name.endswith("data.pkl") and of != "size":
            content = content.replace(b"K\x04tq", many + b"tq")
        if name.endswith("data.pkl") and of != "storage":
            content = content.replace(b"K\x04\x85", many + b"\x85")
        return content

    rezipped(path, change)
    if of != "storage":
        assert "is not a checkpoint of tensors" in refused(path)
        return
    found = read_checkpoint(path)  # mapped no further than the file
    assert found.tensors["a"].tolist() == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.eye(3).to_sparse(),
        lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
        lambda: torch.ones(3, device="meta"),
    ],
    ids=["sparse", "quantised", "meta"],
)
@pytest.mark.filterwarnings("ignore")  # of torch, on making such tensors
def test_tensors_that_are_none(tmp_path, make):
    path = pth(tmp_path / "x.pth", collections.OrderedDict(a=make()))
    assert "a is no plain tensor" in refused(path)


def test_names_cannot_steer_the_terminal(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(to_safetensors({"a\x1b[2J": torch.ones(1)})[:-1])
    assert "\x1b" not in refused(path)
