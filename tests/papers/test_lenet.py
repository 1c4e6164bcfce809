"""LeNet-5 against Proc. IEEE 86(11), 1998: Section II-B, Table I, Eq. 7, Appendix A."""

import numpy as np
import pytest
import torch
from torch import nn

from convatlas.errors import UserError
from convatlas.facts import compare
from convatlas.layers import RadialBasis, SparseConv2d, SubSample, map_loss
from convatlas.models import build
from tests.papers.changed import changed
from tests.papers.running_sums import fact_id, facts_of, on_meta, params, stage_rows

#            C3 map  0 1 2 3 4 5 6 7 8 9 . . . . . 15
TABLE_I = """
                     X . . . X X X . . X X X X . X X
                     X X . . . X X X . . X X X X . X
                     X X X . . . X X X . . X . X X X
                     . X X X . . X X X X . . X . X X
                     . . X X X . . X X X X . X X . X
                     . . . X X X . . X X X X . X X X
"""
CONNECTED = np.array([[c == "X" for c in row.split()] for row in TABLE_I.strip().splitlines()])


def connections(part: str = "") -> int:
    """With every weight 1 and every bias 0 a unit that is fed ones prints how many inputs it has.

    Each has a bias besides, but for the output units, which have their 84 fixed weights each.
    """
    net = build("lenet5")
    found = {}

    def count(name):
        def hook(layer, inputs, _):
            if isinstance(layer, RadialBasis):
                found[name] = layer.centres.numel()
                return
            for key, parameter in layer.named_parameters():
                nn.init.constant_(parameter, 0.0 if key == "bias" else 1.0)
            units = layer.forward(torch.ones_like(inputs[0]))
            found[name] = int(units.sum().item()) + units.numel()

        return hook

    kinds = (nn.Conv2d, nn.Linear, SubSample, SparseConv2d, RadialBasis)
    for name, layer in net.named_modules():
        if isinstance(layer, kinds):
            layer.register_forward_hook(count(name))
    with torch.no_grad():
        net(torch.ones(1, 1, 32, 32))
    return sum(n for name, n in found.items() if name.startswith(part))


@pytest.mark.parametrize("fact", facts_of("lenet5"), ids=fact_id)
def test_printed_figure(fact):
    count = (
        connections if fact.quantity == "connections" else lambda p: params(on_meta("lenet5"), p)
    )
    assert compare(fact.printed, count(fact.part)) == "exact"


def test_section_2_b_layers():
    net = on_meta("lenet5")
    assert stage_rows(net, 32, channels=1) == [
        # layer side  params
        ("stem", 28, 156),
        ("s2", 14, 12),
        ("c3", 10, 1_516),
        ("s4", 5, 32),
        ("c5", 1, 48_120),
    ]
    assert params(net, "classifier") == 10_164
    assert params(net) == 60_000


def test_c3_reads_only_the_maps_of_table_i():
    c3 = build("lenet5").get_submodule("stages.c3.conv")
    kernels = c3.dense_weight().abs().sum(dim=(2, 3)).detach().numpy()
    np.testing.assert_array_equal(kernels.T > 0, CONNECTED)
    image = torch.randn(1, 6, 14, 14)
    for source in range(6):
        changed = image.clone()
        changed[:, source] += 1
        moved = (c3(changed) - c3(image)).abs().amax(dim=(0, 2, 3)) > 1e-6
        np.testing.assert_array_equal(moved.numpy(), CONNECTED[source])


def test_a_digit_drawn_on_f6_is_recognised_with_penalty_zero():
    output = build("lenet5").get_submodule("classifier.output")
    pictures = output.centres
    assert pictures.shape == (10, 7 * 12)
    assert set(pictures.unique().tolist()) == {-1.0, 1.0}
    penalties = -output(pictures)
    assert penalties.argmin(dim=1).tolist() == list(range(10))
    assert penalties.diagonal().tolist() == [0.0] * 10
    others = penalties + torch.diag(torch.full((10,), 84.0 * 4))
    assert others.min() >= 4 * 5  # any two pictures differ in five pixels or more


def test_no_output_weight_learns():
    assert [name for name, _ in build("lenet5").named_parameters() if "output" in name] == []


def test_outputs_equal_a_computation_by_loops():
    torch.manual_seed(3)
    net = build("lenet5").double()
    image = torch.randn(32, 32, dtype=torch.float64)
    weights = {name: p.detach().numpy() for name, p in net.state_dict().items()}
    with torch.no_grad():
        logits = net(image[None, None])[0].numpy()
    np.testing.assert_allclose(logits, -by_loops(weights, image.numpy()), rtol=1e-10)


def by_loops(weights, image):
    """The penalties of the ten output units, unit by unit."""
    c1 = convolve(image[None], weights["stem.c1.weight"], weights["stem.c1.bias"], np.ones((1, 6)))
    s2 = sample(c1, weights["stages.s2.sample.coefficient"], weights["stages.s2.sample.bias"])
    kernels = np.zeros((16, 6, 5, 5))
    stored = iter(weights["stages.c3.conv.weight"])
    for i in range(16):
        for j in range(6):
            if CONNECTED[j, i]:
                kernels[i, j] = next(stored)
    c3 = convolve(s2, kernels, weights["stages.c3.conv.bias"], CONNECTED)
    s4 = sample(c3, weights["stages.s4.sample.coefficient"], weights["stages.s4.sample.bias"])
    c5 = convolve(
        s4, weights["stages.c5.conv.weight"], weights["stages.c5.conv.bias"], np.ones((16, 120))
    )
    f6 = squash(weights["classifier.f6.weight"] @ c5[:, 0, 0] + weights["classifier.f6.bias"])
    penalty = [
        sum((f6[j] - w[j]) ** 2 for j in range(84)) for w in weights["classifier.output.centres"]
    ]
    return np.array(penalty)


def squash(a):
    return 1.7159 * np.tanh(2 / 3 * a)


def convolve(maps, kernels, bias, connected):
    out, side = len(kernels), maps.shape[1] - 4
    result = np.zeros((out, side, side))
    for i in range(out):
        for y in range(side):
            for x in range(side):
                total = bias[i]
                for j in range(len(maps)):
                    if connected[j][i]:
                        total += (kernels[i, j] * maps[j, y : y + 5, x : x + 5]).sum()
                result[i, y, x] = total
    return squash(result)


def sample(maps, coefficient, bias):
    side = maps.shape[1] // 2
    result = np.zeros((len(maps), side, side))
    for i in range(len(maps)):
        for y in range(side):
            for x in range(side):
                four = maps[i, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2].sum()
                result[i, y, x] = coefficient[i] * four + bias[i]
    return squash(result)


def test_loss_of_eq_9_learns_to_tell_two_images_apart():
    """A step down its gradient lowers the right penalties; j keeps the others from growing."""
    torch.manual_seed(0)
    net, labels = build("lenet5"), torch.tensor([3, 8])
    images = torch.randn(2, 1, 32, 32)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.003)
    losses = []
    for _ in range(40):
        loss = map_loss(net(images), labels, j=100.0)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.3 * losses[0]
    assert net(images).argmax(1).tolist() == [3, 8]


def test_appendix_a_squashing_keeps_plus_and_minus_one():
    squash = build("lenet5").get_submodule("classifier.squash")
    torch.testing.assert_close(
        squash(torch.tensor([-1.0, 0.0, 1.0])), torch.tensor([-1.0, 0.0, 1.0]), atol=1e-4, rtol=0
    )


def test_appendix_a_initial_weights_are_uniform_by_fan_in():
    net = build("lenet5")
    largest = {name: p.detach().abs().max().item() for name, p in net.named_parameters()}
    for name, fan_in in [("stem.c1", 25), ("stages.c5.conv", 400), ("classifier.f6", 120)]:
        assert 0.9 * 2.4 / fan_in < largest[f"{name}.weight"] <= 2.4 / fan_in
    of_three, of_six = net.get_parameter("stages.c3.conv.weight").split([54, 6])
    assert of_three[:18].abs().max() > 2.4 / 100  # wider than a map of four inputs may be
    assert of_six.abs().max() <= 2.4 / 150


def test_more_classes_get_fixed_codes():
    first, second = (build("lenet5", num_classes=37) for _ in range(2))
    codes = first.get_submodule("classifier.output").centres
    assert torch.equal(codes, second.get_submodule("classifier.output").centres)
    assert len({tuple(code) for code in codes.tolist()}) == 37
    assert codes.abs().unique().tolist() == [1.0]
    assert first(torch.zeros(2, 1, 32, 32)).shape == (2, 37)


@pytest.mark.parametrize("change", [{"input_side": 28}, {"width_multiplier": 0.5}])
def test_the_papers_net_is_not_resized(change):
    with pytest.raises(UserError, match=r"Use lenet5_small"):
        build("lenet5", **change)


@pytest.mark.parametrize(
    ("side", "map_side"), [(8, 2), (16, 4), (28, 4), (32, 5), (48, 9), (64, 13)]
)
def test_small_form_takes_any_side(side, map_side):
    net = changed("lenet5_small", input_side=side, in_channels=3, num_classes=4)
    assert net.get_submodule("classifier.c5").in_features == 16 * map_side**2
    assert net(torch.empty(2, 3, side, side, device="meta")).shape == (2, 4)


def test_small_form_at_32_is_the_common_one():
    assert params(on_meta("lenet5_small")) == 61_706
    assert params(changed("lenet5_small", width_multiplier=0.5)) < 61_706 / 3


def test_small_form_refuses_what_has_no_map_left():
    with pytest.raises(UserError, match="input_side=7"):
        build("lenet5_small", input_side=7)
