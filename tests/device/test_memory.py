"""Memory in a fresh process, and what this machine is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from convatlas import device
from convatlas.device import _onnx_session
from convatlas.errors import UserError
from tests.device import onnx_models


def written(tmp_path: Path, name: str, **changes: int) -> Path:
    path = tmp_path / f"{name}.onnx"
    path.write_bytes(onnx_models.content(**changes))
    return path


def test_a_larger_net_takes_more_and_at_least_its_weights(tmp_path: Path) -> None:
    small = written(tmp_path, "small")
    large = written(tmp_path, "large \u725b", width=512, depth=3)
    weights = large.stat().st_size
    assert weights > 18_000_000
    light = device.measure_memory(small, (3, 8, 8))
    heavy = device.measure_memory(large, (3, 8, 8))
    assert 0 < light < 20_000_000
    assert weights < heavy - light < 6 * weights


def test_a_model_that_cannot_run_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "small")
    with pytest.raises(UserError, match=r"small\.onnx' cannot be run on an image of \[3, 9, 9\]"):
        device.measure_memory(path, (3, 9, 9))
    path.write_bytes(b"hello")
    with pytest.raises(UserError, match="is not an ONNX file"):
        device.measure_memory(path, (3, 8, 8))


def test_the_fresh_process_loads_the_runtime_and_no_torch(tmp_path: Path) -> None:
    path = written(tmp_path, "small")
    code = (
        "import json, os, runpy, sys\n"
        "def leave(code):\n"
        "    sys.stdout.write(json.dumps(sorted(sys.modules)))\n"
        "os._exit = leave\n"
        "script = sys.argv.pop(1)\n"
        "runpy.run_path(script, run_name='__main__')\n"
    )
    command = [sys.executable, "-P", "-c", code, _onnx_session.__file__, str(path), "[3,8,8]", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    measured, end = json.JSONDecoder().raw_decode(done.stdout)
    modules = json.loads(done.stdout[end:])
    assert measured["bytes"] > 0
    assert "onnxruntime" in modules
    assert not {"torch", "convatlas", "onnx"} & set(modules)


def test_without_proc_the_peak_of_the_process_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_onnx_session, "_STATUS", tmp_path / "none")
    before = _onnx_session._start()
    assert before > 10_000_000
    block = bytearray(before)
    assert _onnx_session._peak() >= before
    assert len(block) == before


def test_this_machine() -> None:
    found = device.machine()
    assert json.loads(json.dumps(found)) == found
    assert found["cores"] >= 1
    assert found["memory_bytes"] > 1 << 28
    assert found["cpu"]
    for name in ("python", "torch", "numpy", "onnxruntime", "system"):
        assert found[name]
