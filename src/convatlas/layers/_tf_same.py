"""TensorFlow's "same" padding, for feature maps whose side is known."""

from torch import nn


def tf_same(side: int, kernel_size: int, stride: int) -> tuple[nn.Module, int]:
    """What pads a map of `side` x `side` before a window, and the window's own padding.

    A window of stride s then makes ceil(side / s) outputs a side. The zeros are shared between
    both ends; an odd one goes below and right, which no window can have as its own padding: then
    the first is an `nn.ZeroPad2d` and the second 0.

    Source: tensorflow/tensorflow, tensorflow/core/framework/common_shape_fns.cc.
    """
    total = max(0, (-(-side // stride) - 1) * stride + kernel_size - side)
    before, after = total // 2, total - total // 2
    if before == after:
        return nn.Identity(), before
    return nn.ZeroPad2d((before, after, before, after)), 0
