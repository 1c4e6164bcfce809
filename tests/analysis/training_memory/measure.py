"""The instrument of benchmarks/training_memory.py, which measures real steps."""

import importlib.util
import sys
from pathlib import Path

_PATH = Path(__file__).parents[3] / "benchmarks" / "training_memory.py"


def _instrument():
    spec = importlib.util.spec_from_file_location("training_memory_instrument", _PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


instrument = _instrument()
