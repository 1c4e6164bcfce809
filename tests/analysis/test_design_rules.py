"""The efficient nets' rules: laws beside counts, and the papers' own examples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from convatlas import models
from convatlas.analysis import without_weights
from convatlas.analysis.design_rules import (
    access_report,
    factorings,
    grid_reductions,
    igc_blocks,
    multiplier_law,
    relu_embeddings,
    separable_saving,
    shares_by_layer_type,
    shufflenet_width,
    widest_igc_block,
)
from convatlas.errors import UserError

IMAGENET = (3, 224, 224)


def built(name: str) -> nn.Module:
    with without_weights():
        return models.build(name)


@given(st.integers(1, 64), st.integers(1, 64), st.sampled_from([1, 3, 5]), st.integers(5, 20))
def test_depthwise_separable_law_is_exact(c_in, c_out, kernel, side):
    found = separable_saving(c_in, c_out, kernel, side=side)
    assert found.full == kernel**2 * c_in * c_out * side**2
    assert found.separable == (kernel**2 * c_in + c_in * c_out) * side**2
    assert found.counted == pytest.approx(found.law)


def test_multipliers_of_mobilenet():
    """Tables 6 and 7: 569, 325, 149, 41 M; 569, 418, 290, 186 M."""
    rows = multiplier_law("mobilenet_v1", widths=(1, 0.75, 0.5, 0.25), sides=(224, 192, 160, 128))
    millions = {(r.width_multiplier, r.input_side): r.mult_adds // 10**6 for r in rows}
    assert [millions[w, 224] for w in (1, 0.75, 0.5, 0.25)] == [568, 325, 149, 41]
    assert [millions[1, side] for side in (224, 192, 160, 128)] == [568, 418, 290, 186]
    assert len(rows) == 16
    assert all(abs(r.counted - r.law) < 0.025 for r in rows)
    assert all(r.counted > r.law for r in rows if r.width_multiplier < 1)


def test_layer_types_of_mobilenet():
    """Table 2: 94.86, 3.06, 0.18 % as printed; the 3x3 convolution is 1.91 %, printed 1.19."""
    shares = {s.kind: s for s in shares_by_layer_type(built("mobilenet_v1"), IMAGENET)}
    percents = {kind: round(s.mult_adds_percent, 2) for kind, s in shares.items()}
    assert percents == {
        "1x1": 94.86,
        "depthwise 3x3": 3.06,
        "3x3": 1.91,
        "linear": 0.18,
        "batch norm": 0.0,
    }
    assert sum(s.params_percent for s in shares.values()) == pytest.approx(100)
    assert sum(s.params for s in shares.values()) == 4_231_976


def test_access_of_a_pointwise_layer_by_hand():
    """hw (c1 + c2) + c1 c2 against 2 sqrt(hw B) + B / hw, the paper's inequality 2."""
    for c1, c2 in ((32, 32), (16, 64), (8, 128)):
        net = nn.Sequential(nn.Conv2d(c1, c2, 1, bias=False))
        (row,) = access_report(net, (c1, 7, 5)).rows
        assert row.access == 35 * (c1 + c2) + c1 * c2
        operations = 35 * c1 * c2
        assert row.bound == pytest.approx(2 * (35 * operations) ** 0.5 + operations / 35)
        assert row.dense_bound == row.bound
        assert (row.access == pytest.approx(row.bound)) == (c1 == c2)


@given(
    st.integers(1, 6), st.integers(1, 6), st.integers(1, 4), st.integers(1, 2), st.integers(3, 9)
)
def test_no_layer_is_below_its_bound(a, b, groups, stride, side):
    layer = nn.Conv2d(groups * a, groups * b, 3, stride, 1, groups=groups, bias=False)
    (row,) = access_report(nn.Sequential(layer), (groups * a, side, side)).rows
    assert row.access >= row.bound * (1 - 1e-9) >= row.dense_bound * (1 - 2e-9)


def test_guidelines_3_and_4():
    net = access_report(built("squeezenet_1_1"), IMAGENET)
    chain = access_report(built("vgg_a"), IMAGENET)
    assert chain.fragments == chain.chain == 8 + 5
    assert net.fragments > net.chain  # a fire module's two branches
    depthwise = access_report(built("mobilenet_v1"), IMAGENET)
    assert depthwise.depthwise_share > 0.1
    assert chain.depthwise_share == 0
    assert 0 < chain.elementwise_share < depthwise.elementwise_share < 1


def test_halving_a_grid():
    """Sec. 5: pooling first costs a quarter of convolving first, and a bottleneck."""
    first, pooled, parallel = grid_reductions(320, 34)
    assert {a.out_shape for a in (first, pooled, parallel)} == {(640, 17, 17)}
    assert (first.share, pooled.share, parallel.share) == (1, 1 / 4, 1 / 8)
    assert pooled.narrowest == 320 * 17**2
    assert first.narrowest == parallel.narrowest == 640 * 17**2
    with pytest.raises(UserError, match=r"side=35; a grid that is halved has an even side"):
        grid_reductions(320, 35)


@pytest.mark.parametrize("n", [3, 5, 7])
def test_factored_kernels(n):
    """2 / n of the cost for 1 x n with n x 1; 18 / 25 for two 3x3 in place of a 5x5."""
    square, asymmetric, *stack = factorings(64, 28, kernel_size=n)
    assert square.mult_adds == n * n * 64 * 64 * 28 * 28
    assert asymmetric.share == pytest.approx(2 / n)
    assert [a.share for a in stack] == ([] if n == 3 else [pytest.approx(9 * (n // 2) / n**2)])
    assert {a.receptive_field for a in (square, asymmetric, *stack)} == {n}
    with pytest.raises(UserError, match="kernel_size=4; it must be odd and at least 3"):
        factorings(64, 28, kernel_size=4)


@given(st.integers(10, 10**6))
def test_igc_blocks_fill_what_is_given(params):
    for block in igc_blocks(params):
        assert block.params == block.primary * block.secondary * (
            9 * block.secondary + block.primary
        )
        wider = block.primary + 1
        more = wider * block.secondary * (9 * block.secondary + wider)
        assert block.params <= params < more


def test_an_igc_block_is_wider_than_a_convolution():
    """4,672 weights: L24 M2 of the paper's Table; 48 channels, a convolution has 22."""
    blocks = igc_blocks(24 * 2 * (18 + 24))
    assert any((b.primary, b.secondary, b.width) == (24, 2, 48) for b in blocks)
    widest = widest_igc_block(4672)
    assert widest.width > (4672 / 9) ** 0.5
    assert 0.5 < widest.primary / (9 * widest.secondary) < 2
    with pytest.raises(UserError, match="params=9 is less than one channel takes; use 10"):
        igc_blocks(9)


@pytest.mark.parametrize(
    ("groups", "channels", "millions"),
    [(1, 144, 143.1), (2, 200, 140.9), (3, 240, 137.5), (4, 272, 134.4), (8, 384, 138.4)],
)
def test_more_groups_afford_more_channels(groups, channels, millions):
    """Table 1: every column is the widest net of its cost."""
    found = shufflenet_width(int(millions * 1e6), groups=groups)
    assert found.stage2_channels == channels
    assert found.mult_adds <= millions * 1e6


def test_a_budget_too_small_for_a_shufflenet():
    with pytest.raises(UserError, match="mult_adds=1000 affords no ShuffleNet with groups=3"):
        shufflenet_width(1000, groups=3)


def test_relu_destroys_less_in_more_dimensions():
    """Fig. 1: the curve collapses in 2 and 3 dimensions and comes back in 15 to 30."""
    runs = [relu_embeddings((2, 3, 5, 15, 30), seed=seed) for seed in range(40)]
    errors = np.median([[e.error for e in run] for run in runs], axis=0)
    assert errors[0] > errors[2] > errors[4]
    collapsed = np.mean([[e.collapsed for e in run] for run in runs], axis=0)
    assert collapsed[0] > 0.1
    assert collapsed[4] == 0
    one = runs[0][0]
    assert one.curve.shape == one.recovered.shape == (1000, 2)
    assert np.array_equal(relu_embeddings((2,), seed=0)[0].recovered, one.recovered)
    with pytest.raises(UserError, match="dimensions=0"):
        relu_embeddings((0,))
