"""Nets whose batch norm does something, and how ONNX Runtime computes a file."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from convatlas import models


def lively(net: nn.Module) -> nn.Module:
    """`net` in inference mode; statistics and affine of batch norm drawn at random."""
    generator = torch.Generator().manual_seed(0)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.3, 0.3, generator=generator)
            module.running_var.uniform_(0.5, 2.0, generator=generator)
            if module.affine:
                nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
                nn.init.uniform_(module.bias, -0.3, 0.3, generator=generator)
    return net.eval()


def variant(name: str, **changes: object) -> tuple[nn.Module, tuple[int, int, int]]:
    spec = models.spec_of(name, **changes)
    torch.manual_seed(0)
    net = lively(models.build(name, **changes))
    return net, (spec.in_channels, spec.input_side, spec.input_side)


def by_torch(net: nn.Module) -> Callable[[np.ndarray], np.ndarray]:
    def predict(images: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return net(torch.from_numpy(images)).numpy()

    return predict


def by_onnxruntime(content: bytes) -> Callable[[np.ndarray], np.ndarray]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda images: session.run(["logits"], {"images": images})[0]


def noise(n: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(n).standard_normal((n, *shape), dtype=np.float32)
