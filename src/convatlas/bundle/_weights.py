"""weights.safetensors: what its header declares, checked before anything is allocated."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from convatlas.errors import UserError

WEIGHTS_NAME = "weights.safetensors"
MAX_HEADER_BYTES = 8 << 20
MAX_TENSORS = 10_000
MAX_RANK = 8
_LENGTH_BYTES = 8  # of the header's length, little-endian
_DAMAGED = "It is damaged or another file. Use the original, or write the bundle again."
_TYPES = {
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float64: "F64",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


@dataclass(frozen=True, slots=True)
class Form:
    """Type and shape of one tensor."""

    dtype: str  # as safetensors writes it
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.dtype} {list(self.shape)}"


def forms_of(net: nn.Module) -> dict[str, Form]:
    """What the weights file of `net` holds."""
    return {
        name: Form(_TYPES[tensor.dtype], tuple(tensor.shape))
        for name, tensor in net.state_dict().items()
    }


def to_bytes(net: nn.Module) -> bytes:
    """The weights file: tensors by falling size of type, then by name, so equal nets are equal."""
    copies = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in net.state_dict().items()
    }
    return save_tensors(copies)


def read_weights(file: Path, sha256: str, net: nn.Module) -> bytes:
    """The bytes of the weights file, which is for `net`.

    Raises:
        UserError: if they are not those that the description was written for.
    """
    size = file.stat().st_size
    if size > parameter_bytes(net) + MAX_HEADER_BYTES + _LENGTH_BYTES:
        raise UserError(
            f"{str(file)!r} has {size:,} bytes; the net of its bundle.json takes "
            f"{parameter_bytes(net):,}. {_DAMAGED}"
        )
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise UserError(
            f"{str(file)!r} does not hold the weights that its bundle.json was written for "
            f"(SHA-256 differs, {len(content):,} bytes). {_DAMAGED}"
        )
    return content


def declared(file: Path, content: bytes) -> dict[str, Form]:
    """What the header of a weights file declares, within limits.

    Raises:
        UserError: for a header that is malformed or declares too much.
    """
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    if len(content) < _LENGTH_BYTES or length > len(content) - _LENGTH_BYTES:
        raise UserError(f"{str(file)!r} ends before its header does. {_DAMAGED}")
    if length > MAX_HEADER_BYTES:
        raise UserError(
            f"{str(file)!r} declares a header of {length:,} bytes; {MAX_HEADER_BYTES:,} are "
            f"allowed. {_DAMAGED}"
        )
    try:
        header = json.loads(content[_LENGTH_BYTES : _LENGTH_BYTES + length].decode("utf-8"))
        header.pop("__metadata__", None)
        found = {str(name): _form(entry) for name, entry in header.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UserError(
            f"{str(file)!r} has a header that is not safetensors. {_DAMAGED}"
        ) from error
    if len(found) > MAX_TENSORS:
        raise UserError(
            f"{str(file)!r} declares {len(found):,} tensors; {MAX_TENSORS:,} are allowed. "
            f"{_DAMAGED}"
        )
    return found


def _form(entry: Mapping[str, Any]) -> Form:
    shape = tuple(entry["shape"])
    if len(shape) > MAX_RANK or not all(type(side) is int and side >= 0 for side in shape):
        raise ValueError(f"shape {shape}")
    return Form(str(entry["dtype"]), shape)


def assign(file: Path, content: bytes, net: nn.Module) -> None:
    """Let the tensors in `content` become the weights of `net`, built without any."""
    try:
        tensors: dict[str, Tensor] = load_tensors(content)
    except (SafetensorError, ValueError) as error:
        raise UserError(f"{str(file)!r} is not safetensors: {error}. {_DAMAGED}") from error
    net.load_state_dict(tensors, strict=True, assign=True)


def parameter_bytes(net: nn.Module) -> int:
    """Bytes that the weights of `net` take, built or not."""
    return sum(
        math.prod(tensor.shape) * tensor.element_size() for tensor in net.state_dict().values()
    )
