"""Tiny ONNX models for the tests."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def model(
    channels: int = 3,
    width: int = 4,
    classes: int = 5,
    side: int = 8,
    depth: int = 1,
    seed: int = 0,
) -> onnx.ModelProto:
    """`depth` 3x3 convolutions of `width` channels, the mean over pixels, a linear layer."""
    generator = np.random.default_rng(seed)

    def weight(name: str, *shape: int) -> onnx.TensorProto:
        values = generator.standard_normal(shape).astype(np.float32) / 3
        return numpy_helper.from_array(values, name)

    nodes, weights, last = [], [], "images"
    for layer in range(depth):
        weights.append(weight(f"w{layer}", width, width if layer else channels, 3, 3))
        nodes.append(
            helper.make_node("Conv", [last, f"w{layer}"], [f"x{layer}"], pads=[1, 1, 1, 1])
        )
        last = f"x{layer}"
    weights += [weight("linear", classes, width), weight("bias", classes)]
    nodes += [
        helper.make_node("GlobalAveragePool", [last], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "linear", "bias"], ["logits"], transB=1),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", channels, side, side])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", classes])
    graph = helper.make_graph(nodes, "tiny", [images], [logits], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def content(**changes: int) -> bytes:
    return model(**changes).SerializeToString()


def reference(images: np.ndarray, proto: onnx.ModelProto) -> np.ndarray:
    """The one-convolution model in NumPy."""
    values = {t.name: numpy_helper.to_array(t) for t in proto.graph.initializer}
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    pooled = np.einsum("nchwij,ocij->nohw", windows, values["w0"]).mean((2, 3))
    return pooled @ values["linear"].T + values["bias"]
