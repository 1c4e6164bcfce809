"""A net slid over larger images against the net itself, position by position."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from convatlas.analysis import field_grids, trace
from convatlas.errors import UserError
from convatlas.evaluation import FieldGrid, class_map_of, to_fully_convolutional
from convatlas.models import find
from tests.contract.nets import images, representatives, seeded

FULLY_CONNECTED = (
    "alexnet_small",
    "lenet5",
    "lenet5_small",
    "lenet300_100",
    "highway_10_w16_mnist",
)
POOLED = ("resnet8_small", "squeezenet_small", "efficientnet_small", "nin_cifar10_caffe")
QUICK = (*FULLY_CONNECTED, *POOLED, "condensenet50_condensed", "densenet_bc_22_small", "vgg_a")


class Unpadded(nn.Module):
    """Convolutions and poolings without padding, so that a crop's answer is the map's cell."""

    def __init__(self, *, flattened: bool, fraction: float = 0.5) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            OrderedDict(
                conv=nn.Conv2d(2, 6, 3),
                relu=nn.ReLU(inplace=True),
                pool=nn.MaxPool2d(2),
                conv2=nn.Conv2d(6, 5, (3, 2), stride=(1, 2)),
            )
        )
        self.pool = nn.Identity() if flattened else nn.AdaptiveAvgPool2d(1)
        rows, columns = 4, 3  # of the map of a 14 x 16 image
        features = 5 * rows * columns if flattened else 5
        self.classifier = nn.Sequential(
            nn.Linear(features, 7), nn.ReLU(), nn.Dropout(fraction), nn.Linear(7, 3)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.pool(self.stem(x)).flatten(1))


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(3))


def relative(got: Tensor, wanted: Tensor) -> float:
    return float((got - wanted).abs().max() / wanted.abs().max().clamp(min=1.0))


@torch.no_grad()
def check_native(name: str) -> None:
    net, batch = seeded(name).eval(), images(name, 2)
    wanted = net(batch)
    sliding = to_fully_convolutional(net, tuple(batch.shape[1:]))
    got = sliding(batch)
    assert got.shape[2:] == (1, 1)
    assert relative(got[:, :, 0, 0], wanted) <= 1e-5
    down, across = sliding.grid.stride
    side = batch.shape[-1]
    larger = sliding(noise(1, batch.shape[1], side + down, side + 2 * across))
    assert larger.shape == (1, wanted.shape[1], 2, 3)
    assert larger.isfinite().all()


@pytest.mark.parametrize("name", QUICK)
def test_equals_the_net_at_its_native_size_and_takes_larger_ones(name):
    check_native(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(representatives() - set(QUICK)))
def test_every_kind_of_net_equals_itself_at_its_native_size_and_takes_larger_ones(name):
    check_native(name)


@pytest.mark.parametrize("name", POOLED)
@torch.no_grad()
def test_the_mean_of_single_cells_is_the_net_on_images_of_any_size(name):
    net, batch = seeded(name).eval(), images(name, 1)
    sliding = to_fully_convolutional(net, tuple(batch.shape[1:]), pooling="cells")
    side = batch.shape[-1]
    larger = noise(2, batch.shape[1], side + 8, side + 24)
    found = sliding(larger)
    assert found.shape[2] > 1
    assert found.shape[3] > found.shape[2]
    assert relative(found.mean(dim=(2, 3)), net(larger)) <= 1e-5


@pytest.mark.parametrize("flattened", [True, False], ids=["flattened", "pooled"])
@torch.no_grad()
def test_dense_equals_the_net_on_the_crop_of_every_position(flattened):
    torch.manual_seed(0)
    net = Unpadded(flattened=flattened).eval()
    sliding = to_fully_convolutional(net, (2, 14, 16))
    whole = noise(2, 2, 21, 37)
    found = sliding(whole)
    grid = sliding.grid
    assert found.shape[2:] == (4, 6)
    assert grid == FieldGrid(size=(14, 14), stride=(2, 4), offset=(0, 0))
    for row in range(4):
        for column in range(6):
            top, left = row * grid.stride[0], column * grid.stride[1]
            crop = whole[:, :, top : top + 14, left : left + 16]
            torch.testing.assert_close(found[:, :, row, column], net(crop), rtol=0, atol=1e-5)


@pytest.mark.parametrize("flattened", [True, False], ids=["flattened", "pooled"])
def test_a_cell_depends_on_the_pixels_of_its_field_and_on_no_others(flattened):
    torch.manual_seed(0)
    net = Unpadded(flattened=flattened).eval()
    sliding = to_fully_convolutional(net, (2, 14, 16))
    whole = noise(1, 2, 21, 37).requires_grad_()
    (gradient,) = torch.autograd.grad(sliding(whole)[0, :, 1, 2].sum(), whole)
    rows, columns = (gradient[0].abs().sum(0).sum(1 - axis).nonzero()[:, 0] for axis in (0, 1))
    grid = sliding.grid
    assert int(rows.min()) == grid.offset[0] + grid.stride[0]
    assert int(rows.max()) == grid.offset[0] + grid.stride[0] + grid.size[0] - 1
    assert int(columns.min()) == grid.offset[1] + 2 * grid.stride[1]
    assert int(columns.max()) == grid.offset[1] + 2 * grid.stride[1] + grid.size[1] - 1


@pytest.mark.parametrize("name", ["resnet8_small", "shufflenet_v2_small", "se_bn_inception"])
def test_no_pixel_outside_of_the_field_moves_a_feature(name):
    """Padding and shortcuts included; gates are held, because they see the whole image."""
    net = seeded(name, input_side=64).eval()
    gates = [m for m in net.modules() if isinstance(m, nn.Sigmoid)]
    for gate in gates:
        gate.register_forward_hook(lambda _, __, output: torch.ones_like(output).mul(0.5))
    graph = trace(net, (3, 64, 64))
    grids = field_grids(graph)
    sliding = to_fully_convolutional(net, (3, 64, 64))
    layer = next(n for n in reversed(sliding.layers) if min(n.shape[1:]) >= 4)
    grid = grids[layer.name]
    whole = torch.rand(1, 3, 64, 64, requires_grad=True)
    row, column = layer.shape[1] // 2, 1
    value = sliding.features(whole, layer)[0, :, row, column].sum()
    (gradient,) = torch.autograd.grad(value, whole)
    for axis, cell in ((0, row), (1, column)):
        seen = gradient[0].abs().sum(0).sum(1 - axis).nonzero()[:, 0]
        first = grid.offset[axis] + cell * grid.stride[axis]
        assert int(seen.min()) == max(0, first)
        assert int(seen.max()) == min(63, first + grid.size[axis] - 1)


def test_the_net_is_left_as_it_was_and_its_weights_are_shared():
    net = Unpadded(flattened=True).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    sliding = to_fully_convolutional(net, (2, 14, 16))
    assert {id(p) for p in sliding.parameters()} == {id(p) for p in net.parameters()}
    class_map_of(net, (2, 14, 16))(np.zeros((1, 2, 20, 20), np.float32))
    assert net.training
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_a_class_map_drops_nothing_of_the_net_in_training_mode():
    net = Unpadded(flattened=True, fraction=0.9).train()
    mapper = class_map_of(net, (2, 14, 16), threads=1)
    batch = noise(1, 2, 18, 20).numpy()
    np.testing.assert_array_equal(mapper(batch), mapper(batch))
    assert mapper(batch).shape == (1, 3, 3, 2)


def test_branches_that_do_not_fit_are_named_and_the_class_map_leaves_out_the_edge():
    net = seeded("bn_inception").eval()
    side = images("bn_inception", 1).shape[-1]
    batch = noise(1, 3, side + 9, side + 41)
    sliding = to_fully_convolutional(net, (3, side, side))
    with pytest.raises(UserError, match=r"inception_3c.*cat.*multiple of the net's stride"):
        sliding(batch)
    assert sliding.fitting(side + 9, side + 41) == (side, side + 32)
    found = class_map_of(net, (3, side, side))(batch.numpy())
    with torch.no_grad():
        wanted = sliding(batch[:, :, :side, : side + 32])
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-6)


def test_images_below_the_native_size_are_refused():
    sliding = to_fully_convolutional(Unpadded(flattened=True), (2, 14, 16))
    with pytest.raises(UserError, match="13 x 40 pixels are smaller than the net's 14 x 16"):
        sliding(noise(1, 2, 13, 40))


class Branched(nn.Module):
    """Flattens two maps and joins them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 2, 3)
        self.side = nn.Conv2d(1, 2, 5)
        self.fc = nn.Linear(2 * 36 + 2 * 16, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.cat([self.stem(x).flatten(1), self.side(x).flatten(1)], dim=1))


class Uneven(nn.Module):
    """Pools to 3 x 3 cells by windows that overlap here and there."""

    def __init__(self) -> None:
        super().__init__()
        self.grid = nn.AdaptiveAvgPool2d(3)
        self.fc = nn.Linear(9, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.grid(x).flatten(1))


def test_nets_that_cannot_slide_name_the_layer():
    with pytest.raises(UserError, match=r"'cat' \(cat\) joins parts that were flattened"):
        to_fully_convolutional(Branched(), (1, 8, 8))
    with pytest.raises(UserError, match=r"'grid' \(AdaptiveAvgPool2d\) makes 3 x 3 cells of 8 x 8"):
        to_fully_convolutional(Uneven(), (1, 8, 8))
    with pytest.raises(UserError, match=r"'classifier.1' \(ReLU\).*is not linear"):
        to_fully_convolutional(Unpadded(flattened=False), (2, 14, 16), pooling="cells")
    with pytest.raises(UserError, match="no global pooling"):
        to_fully_convolutional(seeded("alexnet_small"), (3, 8, 8), pooling="cells")


@torch.no_grad()
def test_pooling_to_cells_of_one_size_slides():
    torch.manual_seed(0)
    net = Uneven().eval()
    sliding = to_fully_convolutional(net, (1, 12, 12))
    whole = noise(1, 1, 20, 12)
    found = sliding(whole)
    assert found.shape == (1, 2, 3, 1)
    torch.testing.assert_close(found[:, :, 2, 0], net(whole[:, :, 8:]), rtol=0, atol=1e-6)


def test_the_quick_nets_exist():
    assert set(QUICK) <= set(find())
