"""The optional package that ONNX files need."""

from typing import Any

from convatlas.errors import UserError


def load_onnx() -> Any:
    """The `onnx` package.

    Raises:
        UserError: naming the extra to install, when it is absent.
    """
    try:
        import onnx
    except ImportError as error:
        raise UserError(
            "ONNX files need the package onnx. Install it: pip install 'convatlas[export]'."
        ) from error
    return onnx
