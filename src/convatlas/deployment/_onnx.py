"""A network as an ONNX file that runs without this package."""

from collections.abc import Mapping
from pathlib import Path

from torch import nn

import convatlas
from convatlas.analysis import trace
from convatlas.deployment._draft import Draft
from convatlas.deployment._emit import emit
from convatlas.deployment._weights import CONVOLUTIONS, affine_of, foldable
from convatlas.deployment._windows import emit_conv
from convatlas.errors import UserError
from convatlas.files import write_atomic


def to_onnx(
    net: nn.Module, shape: tuple[int, int, int], *, metadata: Mapping[str, str] | None = None
) -> bytes:
    """The ONNX file of `net` at inference, for any number of images of `shape`.

    Input "images", float32 [n, c, h, w]; output "logits". Batch norm is folded into the convolution
    before it, dropout is gone; a net that condenses is written in the form that runs. Equal weights
    give equal bytes. `net` is not changed.

    Args:
        shape: channels, height, width.
        metadata: texts to store in the file, read back by `read_metadata`.

    Raises:
        UserError: naming the layer that has no ONNX form here, or that `shape` does not fit.
    """
    _must_have_weights(net)
    graph = trace(_deployed(net), shape)
    if len(graph.outputs) > 1:
        raise UserError(
            f"The net returns {len(graph.outputs)} tensors. Export a net that returns its logits."
        )
    draft = Draft(graph)
    folded = foldable(graph)
    gone = {norm.name for norm in folded.values()}
    for node in graph.nodes[1:]:
        if node.name in gone:
            draft.finish(node, draft.inputs(node)[0])
        elif node.kind in CONVOLUTIONS:
            norm = folded.get(node.name)
            affine = None if norm is None else affine_of(norm.name, norm.module)  # type: ignore[arg-type]
            draft.finish(node, emit_conv(draft, node, affine))
        else:
            draft.finish(node, emit(draft, node))
    return draft.model(shape, convatlas.__version__, metadata or {})


def _deployed(net: nn.Module) -> nn.Module:
    """`net` in the form that runs, where that is another than the one that trains."""
    form = getattr(net, "deployed", None)
    return net if form is None else form()


def export_onnx(
    net: nn.Module,
    shape: tuple[int, int, int],
    path: Path,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write the ONNX file of `net` to `path`, whole or not at all; see `to_onnx`."""
    write_atomic(path, to_onnx(net, shape, metadata=metadata))
    return path


def _must_have_weights(net: nn.Module) -> None:
    empty = [name for name, p in net.named_parameters() if p.is_meta]
    if empty:
        raise UserError(
            f"{empty[0]!r} has no values (it is on the meta device). Build the net with weights."
        )
