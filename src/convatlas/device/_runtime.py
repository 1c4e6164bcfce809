"""Opening a model with what runs it."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import nn

from convatlas.device._onnx_file import read_onnx, require_export
from convatlas.device._onnx_session import open_session
from convatlas.errors import UserError
from convatlas.evaluation import Predictor, predictor_of

_RUNTIMES = ("onnxruntime", "torch")  # the one to prefer first
_MOST_THREADS = 1024


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Session:
    """A model that is ready to run: a predictor with its conditions."""

    predict: Predictor
    runtime: str
    threads: int
    dtype: str
    versions: Mapping[str, str]

    def __call__(self, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The logits [n, k] of `images` [n, c, h, w]."""
        return self.predict(images)


def runtimes() -> tuple[str, ...]:
    """The runtimes that are installed here, the one to prefer first."""
    return tuple(name for name in _RUNTIMES if find_spec(name) is not None)


def pick_runtime(asked: str = "auto") -> str:
    """The runtime called `asked`; "auto" is the first of `runtimes()`.

    Raises:
        UserError: if it is unknown or not installed.
    """
    if asked == "auto":
        return runtimes()[0]
    if asked not in _RUNTIMES:
        allowed = ", ".join(("auto", *_RUNTIMES))
        raise UserError(f"No runtime named {asked!r}. Allowed: {allowed}.")
    if asked not in runtimes():
        require_export(asked)
    return asked


def open_runtime(
    model: bytes | Path | nn.Module, *, runtime: str = "onnxruntime", threads: int = 1
) -> Session:
    """`model` opened on the CPU.

    Args:
        model: for "onnxruntime" a file or its content; for "torch" a net.

    Raises:
        UserError: if the runtime is not installed, or the model is not one for it.
    """
    picked = pick_runtime(runtime)
    if not 1 <= threads <= _MOST_THREADS:
        raise UserError(f"threads={threads}; it must be 1 to {_MOST_THREADS}.")
    is_net = isinstance(model, nn.Module)
    if is_net != (picked == "torch"):
        wanted = "a net" if picked == "torch" else "an ONNX file"
        got = f"a {type(model).__name__}" if isinstance(model, nn.Module | bytes) else repr(model)
        raise UserError(f"The runtime {picked!r} runs {wanted}, not {got}.")
    predict = (
        predictor_of(model.eval(), threads)
        if isinstance(model, nn.Module)
        else _onnx_predictor(model, threads)
    )
    return Session(
        predict=predict,
        runtime=picked,
        threads=threads,
        dtype="float32",
        versions={picked: version(picked), "numpy": version("numpy")},
    )


def _onnx_predictor(model: bytes | Path, threads: int) -> Predictor:
    named = repr(str(model)) if isinstance(model, Path) else "The given model"
    content = read_onnx(model)
    try:
        session = open_session(content, threads)
    except Exception as error:  # the runtime's errors have no type of their own
        raise UserError(
            f"{named} cannot be run by onnxruntime: {_first_line(error)} "
            "Export it again, or upgrade onnxruntime."
        ) from error
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1 or inputs[0].type != "tensor(float)":
        raise UserError(
            f"{named} takes {[i.type for i in inputs]} and gives {len(outputs)} outputs; one "
            "float32 input and one output are needed. Give a file that `convatlas export` wrote."
        )
    name, wanted, run = inputs[0].name, [outputs[0].name], session.run

    def predict(images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        try:
            logits: npt.NDArray[np.float32] = run(wanted, {name: images})[0]
        except Exception as error:
            raise UserError(
                f"{named} takes {inputs[0].shape} of {inputs[0].type} and was given "
                f"{list(images.shape)} of {images.dtype}: {_first_line(error)}"
            ) from error
        return logits

    return predict


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else repr(error)
