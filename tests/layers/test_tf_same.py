"""TensorFlow's "same" padding against its definition."""

import pytest
import torch
from torch import nn

from convatlas.layers import tf_same


@pytest.mark.parametrize("kernel_size", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_windows_start_where_tensorflow_has_them(kernel_size: int, stride: int):
    """ceil(side / s) windows; half of the missing pixels, rounded down, lie above and left."""
    for side in range(1, 12):
        out = -(-side // stride)
        missing = max(0, (out - 1) * stride + kernel_size - side)
        inside = [
            [p for p in range(start, start + kernel_size) if 0 <= p < side]
            for start in range(-(missing // 2), -(missing // 2) + out * stride, stride)
        ]
        expected = torch.tensor([[float(sum(y) * len(x)) for x in inside] for y in inside])
        pad, padding = tf_same(side, kernel_size, stride)
        window = nn.Conv2d(1, 1, kernel_size, stride=stride, padding=padding, bias=False)
        nn.init.ones_(window.weight)
        rows = torch.arange(float(side))[:, None].expand(1, 1, side, side)  # y at every pixel
        with torch.no_grad():
            assert torch.allclose(window(pad(rows))[0, 0], expected)


def test_equal_ends_are_the_windows_own_padding():
    pad, padding = tf_same(75, 5, 2)
    assert isinstance(pad, nn.Identity)
    assert padding == 2
    pad, padding = tf_same(76, 5, 2)
    assert pad.padding == (1, 2, 1, 2)
    assert padding == 0
