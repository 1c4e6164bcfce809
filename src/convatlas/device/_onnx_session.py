"""An ONNX Runtime session; run as a script, the memory that a model takes in a fresh process.

The script is started by this file's path: importing the package would load torch.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

_RUNS = 3
_STATUS = Path("/proc/self/status")
_CLEAR_REFERENCES = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # proc_pid_clear_refs(5)


def open_session(model: bytes | str, threads: int) -> Any:
    """A session on the CPU that runs one request at a time on `threads` threads.

    All graph optimisations are on; idle threads stop spinning when a run ends, so that sessions
    timed in turn do not disturb each other.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 4  # errors are raised
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _added_bytes(path: str, shape: list[int], threads: int) -> int:
    """Peak memory after a few runs minus memory before the model is opened."""
    import numpy
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    images = numpy.zeros((1, *shape), numpy.float32)
    before = _start()
    session = open_session(path, threads)
    name = session.get_inputs()[0].name
    for _ in range(_RUNS):
        session.run(None, {name: images})
    return max(0, _peak() - before)


def _start() -> int:
    """Resident bytes now, the peak set back to them where the system allows it."""
    if not _STATUS.exists():
        return _peak()
    try:
        _CLEAR_REFERENCES.write_text(_RESET_PEAK)
    except OSError:
        return _peak()
    return _status("VmRSS")


def _peak() -> int:
    if _STATUS.exists():
        return _status("VmHWM")
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _status(field: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024


def _main() -> None:
    path, shape, threads = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
    sys.stdout.write(json.dumps({"bytes": _added_bytes(path, shape, threads)}))
    sys.stdout.flush()
    os._exit(0)  # nothing to tidy up; leaving the runtime's threads takes longer


if __name__ == "__main__":
    _main()
