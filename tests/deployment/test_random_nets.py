"""Nets drawn at random: the exported file agrees with torch."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from convatlas.deployment import to_onnx
from convatlas.errors import UserError
from tests.analysis.test_random_nets import nets
from tests.deployment.nets import by_onnxruntime, by_torch, lively, noise


@settings(max_examples=60, deadline=None)
@given(net=nets(), height=st.integers(3, 24), width=st.integers(3, 24))
def test_random_nets(net, height, width):
    lively(net)
    shape = (net[0].in_channels, height, width)
    try:
        content = to_onnx(net, shape)
    except UserError:
        return
    images = noise(2, shape)
    expected, got = by_torch(net)(images), by_onnxruntime(content)(images)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
