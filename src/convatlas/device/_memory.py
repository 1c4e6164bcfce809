"""What a model adds to the memory of a process."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from convatlas.device import _onnx_session
from convatlas.device._onnx_file import read_onnx
from convatlas.device._runtime import pick_runtime
from convatlas.errors import UserError

_TIMEOUT_S = 300


def measure_memory(path: Path, shape: tuple[int, int, int], *, threads: int = 1) -> int:
    """Bytes that opening the ONNX file and running it on one image add to a fresh process.

    The process has the runtime loaded and nothing else; what counts is its peak after a few runs.
    Without /proc its earlier peak is taken for what it held, and small nets may come out as 0.

    Args:
        shape: channels, height and width of the file's input.

    Raises:
        UserError: naming the file, if it cannot be opened and run.
    """
    pick_runtime("onnxruntime")
    read_onnx(path)
    arguments = [str(path.absolute()), json.dumps(list(shape)), str(threads)]
    command = [sys.executable, "-P", _onnx_session.__file__, *arguments]
    with tempfile.TemporaryDirectory() as empty:
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=_TIMEOUT_S,
                cwd=empty,
                check=True,
            )
        except subprocess.TimeoutExpired as error:
            raise UserError(
                f"{str(path)!r} did not finish in {_TIMEOUT_S} s; its memory was not measured."
            ) from error
        except subprocess.CalledProcessError as error:
            told = (error.stderr or "").strip().splitlines() or [f"exit code {error.returncode}"]
            raise UserError(
                f"{str(path)!r} cannot be run on an image of {list(shape)}: {told[-1][:300]}"
            ) from error
    return int(json.loads(done.stdout)["bytes"])
