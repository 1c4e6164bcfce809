"""Bundles that were damaged or made to do harm: one typed error each, before anything large."""

import json
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save as to_safetensors

from convatlas import bundle
from convatlas.bundle import BundleInfo
from convatlas.errors import UserError
from tests.bundle.forge import (
    JSON,
    WEIGHTS,
    fields_of,
    net_of,
    replace_weights,
    sign,
    written,
)


def refused(path: Path) -> str:
    """The message of the refusal, which names a path and takes no time."""
    start = time.perf_counter()
    with pytest.raises(UserError) as raised:
        bundle.load(path)
    assert time.perf_counter() - start < 20
    assert str(path) in str(raised.value)
    return str(raised.value)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "none.bundle")
    path = written(tmp_path)
    assert "is a file; a bundle is a directory" in refused(path / JSON)
    (path / WEIGHTS).rename(path / "other")
    assert "no file 'weights.safetensors'" in refused(path)
    (path / JSON).unlink()
    assert "no file 'bundle.json'" in refused(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is not a bundle's JSON"),
        (b"[]", "instead of an object"),
        (b"\xff\xfe{}", "is not a bundle's JSON"),
        (b"[" * 100_000, "is not a bundle's JSON"),
        (b"[" * 100 + b"]" * 100, "nested more than 32 levels"),
        (b'{"format": 1, "format": 1}', "a field is there twice"),
        (b'{"format": NaN}', "NaN is not JSON"),
        (b'{"format": 1, "x": 1e999}', "1e999 is out of range"),
        (b'{"format": 1, "x": ' + b"1" * 5000 + b"}", "is not a bundle's JSON"),
        (b'{"name": "\\ud800"}', "is not a bundle's JSON"),
        (b"{}", "does not say its format"),
        (b'{"format": true}', "does not say its format"),
        (b'{"format": 2}', "reads up to 1. Upgrade"),
        (b'{"format": 1}', "checksum differs"),
        (b" " * (8 << 20) + b"{}", "larger than 8,388,608 bytes"),
    ],
)
def test_a_description_that_is_none(tmp_path: Path, content: bytes, told: str) -> None:
    path = written(tmp_path)
    (path / JSON).write_bytes(content)
    assert told in refused(path)


def spec_change(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda fields: fields["spec"].update(changes)


def field_change(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda fields: fields.update(changes)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (field_change(surprise=1), "surprise: Extra inputs"),
        (field_change(format="1"), "does not say its format"),
        (field_change(format=0), "format: Input should be 1, got 0"),
        (field_change(name=""), "name: String should have at least 1"),
        (field_change(name="x" * 2000), "name: String should have at most"),
        (field_change(classes=["a"] * 10), "class 'a' is listed twice"),
        (field_change(classes=[*"abcdefghi", 3]), "classes.9: Input should be a valid string"),
        (field_change(classes=[*"abc"]), "spec.num_classes is 10, classes says 3"),
        (field_change(classes=[str(i) for i in range(100_001)]), "at most 100000 items"),
        (field_change(weights_sha256=""), "SHA-256 differs"),
        (field_change(weights_sha256="0" * 63), "weights_sha256: String should match"),
        (field_change(family="lenet5"), "family 'lenet5' is not known here"),
        (field_change(metrics=[{}] * 10_001), "metrics: List should have at most"),
        (field_change(preprocessing={}), "Preprocessing has the fields []"),
        (field_change(preprocessing=None), "preprocessing: Input should be"),
        (lambda fields: fields["preprocessing"].update(std=[0.0]), "std"),
        (lambda fields: fields["preprocessing"].update(side=1 << 40), "side"),
        (lambda fields: fields.pop("spec"), "spec: Field required"),
        (lambda fields: fields["spec"].pop("in_channels"), "spec.in_channels is None"),
        (spec_change(depth=3), "spec has the fields"),
        (spec_change(width_multiplier="1"), "spec.width_multiplier is \"1\""),
        (spec_change(width_multiplier=True), "spec.width_multiplier is true"),
        (spec_change(width_multiplier=1e300), "numbers up to 1,000,000"),
        (spec_change(width_multiplier=-1.0), "bundle.json"),
        (spec_change(width_multiplier=60.0), "describes a net of more than"),
    ],
)  # fmt: skip
def test_signed_descriptions_that_lie(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], told: str
) -> None:
    path = written(tmp_path)
    fields = fields_of(path)
    change(fields)
    sign(path, fields)
    assert told in refused(path)


def test_a_net_of_a_million_layers_is_not_built(tmp_path: Path) -> None:
    path = written(tmp_path, "resnet8_small")
    fields = fields_of(path)
    deep = [n for n, value in fields["spec"].items() if isinstance(value, list)]
    assert deep, "the spec has depths"
    fields["spec"][deep[0]] = [1_000_000] * len(fields["spec"][deep[0]])
    sign(path, fields)
    assert "describes a net of more than" in refused(path)


def test_bounds_do_not_outlive_a_load(tmp_path: Path) -> None:
    path = written(tmp_path)
    bundle.load(path)
    torch.nn.Linear(3000, 3000)


def header(value: Any, data: bytes = b"") -> bytes:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(shape: Any, end: int = 0) -> dict[str, Any]:
    return {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "ends before its header"),
        (struct.pack("<Q", 1 << 62), "ends before its header"),
        (struct.pack("<Q", 100) + b"{}", "ends before its header"),
        (header([]), "not safetensors"),
        (header(b"\xff"), "not safetensors"),
        (header(b"[" * 50_000), "not safetensors"),
        (header({"a": 1}), "not safetensors"),
        (header({"a": entry([1 << 63, -2])}), "not safetensors"),
        (header({"a": entry([1] * 9)}), "not safetensors"),
        (header({"a": entry([1 << 62] * 4)}), "weights of another net"),
        (header({f"{i}": entry([0]) for i in range(10_001)}), "10,000 are allowed"),
        (header({}), "weights of another net"),
    ],
)  # fmt: skip
def test_signed_weights_that_lie(tmp_path: Path, content: bytes, told: str) -> None:
    path = written(tmp_path)
    replace_weights(path, content)
    assert told in refused(path)


def test_headers_and_files_beyond_every_net_are_not_read(tmp_path: Path) -> None:
    path = written(tmp_path)
    replace_weights(path, header(b" " * ((8 << 20) + 1)))
    assert "8,388,608 are allowed" in refused(path)
    with (path / WEIGHTS).open("wb") as file:
        file.truncate(1 << 40)
    assert "1,099,511,627,776 bytes" in refused(path)


def test_offsets_that_overlap_or_leave_the_file_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    tensors = net_of("lenet5_small").state_dict()
    offset, names = 0, {}
    for name, tensor in tensors.items():
        names[name] = {
            "dtype": {torch.float32: "F32", torch.int64: "I64"}[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + tensor.numel() * tensor.element_size()],
        }
        offset += tensor.numel() * tensor.element_size()
    first = next(iter(names.values()))
    replace_weights(path, header(names, bytes(offset - 1)))
    assert "is not safetensors" in refused(path)
    first["data_offsets"] = [4, first["data_offsets"][1] + 4]
    replace_weights(path, header(names, bytes(offset)))
    assert "is not safetensors" in refused(path)


def test_weights_of_another_net_name_the_first_differences(tmp_path: Path) -> None:
    path = written(tmp_path)
    tensors = dict(net_of("lenet5_small").state_dict())
    first, second, *_ = tensors
    tensors[first] = tensors[first].double()
    tensors["surprise"] = torch.zeros(2)
    del tensors[second]
    replace_weights(path, to_safetensors(tensors))
    message = refused(path)
    assert f"{first}: F64" in message
    assert f"{second}: absent in the file" in message
    assert "surprise: F32 [2] in the file, absent in the net" in message
    replace_weights(path, (written(tmp_path, "resnet8_small") / WEIGHTS).read_bytes())
    assert "weights of another net" in refused(path)
    assert "more. Put the two files" in refused(path)


def test_a_pickle_in_the_place_of_weights_is_not_run(tmp_path: Path) -> None:
    path = written(tmp_path)
    canary = tmp_path / "canary"

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (open, (str(canary), "w"))

    torch.save({"w": Bomb()}, path / WEIGHTS)
    for told in ("SHA-256 differs", "ends before its header"):
        assert told in refused(path)
        replace_weights(path, (path / WEIGHTS).read_bytes())
    assert not canary.exists()


def test_info_refuses_what_load_would() -> None:
    with pytest.raises(ValueError, match="surprise"):
        BundleInfo.model_validate({"surprise": 1})
