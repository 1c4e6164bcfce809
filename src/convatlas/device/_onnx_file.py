"""What an ONNX file may be before a runtime opens it: one file, with one image input."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from convatlas.errors import UserError

MAX_FILE_BYTES = 2_000_000_000  # a protocol buffer cannot be larger
_FLOAT = 1  # onnx.TensorProto.FLOAT


def read_onnx(model: bytes | Path) -> bytes:
    """The bytes of an ONNX model that needs no other file.

    Raises:
        UserError: naming the file, if it is not ONNX or refers to external data.
    """
    named = repr(str(model)) if isinstance(model, Path) else "The given model"
    content = _content(model, named) if isinstance(model, Path) else model
    _parsed(content, named)
    return content


def onnx_shape(path: Path) -> tuple[int, int, int]:
    """Channels, height and width of the input of the ONNX file at `path`.

    Raises:
        UserError: if it is not ONNX, or its one input is not float32 images of a fixed size.
    """
    named = repr(str(path))
    graph = _parsed(_content(path, named), named).graph
    stored = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in stored]
    kind = inputs[0].type.tensor_type if len(inputs) == 1 else None
    sides = [] if kind is None else [d.dim_value for d in kind.shape.dim]
    if kind is None or kind.elem_type != _FLOAT or len(sides) != 4 or min(sides[1:]) < 1:
        raise UserError(
            f"{named} does not take float32 images [n, c, h, w] of one size. "
            "Give a file that `convatlas export` wrote."
        )
    return sides[1], sides[2], sides[3]


def require_export(package: str) -> None:
    """Refuse to go on without the packages that open ONNX files."""
    raise UserError(f"{package} is not installed. Install it: pip install 'convatlas[export]'.")


def _content(path: Path, named: str) -> bytes:
    try:
        if not path.is_file():
            state = "is not a file" if path.exists() else "does not exist"
            raise UserError(f"{named} {state}. Give an .onnx file.")
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise UserError(
                f"{named} has {size:,} bytes; an ONNX file has at most {MAX_FILE_BYTES:,}."
            )
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"Cannot read {named}: {error.strerror}.") from error


def _parsed(content: bytes, named: str) -> Any:
    try:
        import onnx
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    except ImportError:
        require_export("onnx")
    try:
        model = onnx.ModelProto.FromString(content)
    except DecodeError as error:
        raise UserError(f"{named} is not an ONNX file. Give an .onnx file.") from error
    if not model.HasField("graph") or not model.graph.node:
        raise UserError(f"{named} is not an ONNX file: it holds no graph. Give an .onnx file.")
    if any(_is_external(message) for message in _messages(model)):
        raise UserError(
            f"{named} keeps weights in other files, which is not allowed. "
            "Export it again as a single file."
        )
    return model


def _messages(message: Any) -> Iterable[Any]:
    """Every message inside, however deep: tensors hide in attributes, functions and subgraphs."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        inner = [value] if hasattr(value, "ListFields") else value
        for part in inner:
            if hasattr(part, "ListFields"):
                yield from _messages(part)


def _is_external(message: Any) -> bool:
    name = message.DESCRIPTOR.name
    return name == "TensorProto" and bool(message.data_location or message.external_data)
