"""Heat maps against their definitions, and where they lie on the picture."""

from collections import OrderedDict
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from convatlas.data import Picture, Preprocessing, centre, fit, fit_whole, normalise
from convatlas.errors import UserError
from convatlas.evaluation import FieldGrid, Heatmap, Heatmapper, Placement, overlay
from tests.contract.nets import images, seeded

WIDE, TALL = (90, 260), (300, 120)  # height, width


class Pooled(nn.Module):
    """Convolutions, global pooling, one linear layer."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            OrderedDict(
                conv=nn.Conv2d(channels, 6, 3, 2, 1),
                relu=nn.ReLU(inplace=True),
                pool=nn.MaxPool2d(2),
                conv2=nn.Conv2d(6, 5, 3, 1, 1),
                relu2=nn.ReLU(inplace=True),
            )
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.pool(self.stem(x)).flatten(1))


def seeking_light(*, flattened: bool) -> nn.Module:
    """Class 1 is the more likely the brighter a place is; flattened, the middle of the window."""
    torch.manual_seed(0)
    net: nn.Module = Pooled()
    if flattened:
        net = nn.Sequential(
            *(nn.Conv2d(1, 2, 3, 2, 1), nn.ReLU(), nn.Conv2d(2, 2, 3, 2, 1), nn.ReLU()),
            *(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2 * 8 * 8, 3)),
        )
    for name, parameter in net.named_parameters():
        nn.init.constant_(parameter, 0.0 if name.endswith("bias") else 0.2)
    last = [m for m in net.modules() if isinstance(m, nn.Linear)][-1]
    with torch.no_grad():
        last.weight[0::2] = 0.0
        if flattened:
            last.weight[1] = F.pad(torch.full((2, 2, 2), 0.2), (3, 3, 3, 3)).flatten()
    return net.eval()


@torch.no_grad()
def test_cam_is_the_weighted_sum_of_the_last_maps():
    torch.manual_seed(1)
    net = Pooled(3).eval()
    batch = torch.randn(2, 3, 32, 32)
    maps = net.stem(batch)
    for image, label in enumerate((2, 0)):
        found = Heatmapper(net, (3, 32, 32), "cam")(batch, [2, 0])[image]
        weights = net.classifier.weight[label]
        wanted = torch.einsum("c,chw->hw", weights, maps[image])
        raw = torch.from_numpy(found.values) * (found.high - found.low) + found.low
        torch.testing.assert_close(raw, wanted, rtol=1e-4, atol=1e-6)
        logit = net(batch)[image, label] - net.classifier.bias[label]
        assert raw.mean().item() == pytest.approx(logit.item(), rel=1e-4, abs=1e-6)
        assert (found.values.min(), found.values.max()) == (0.0, 1.0)
        assert (found.label, found.method) == (label, "cam")


def test_grad_cam_is_the_positive_part_of_cam_where_both_are_defined():
    torch.manual_seed(1)
    net = Pooled(3).eval()
    batch = torch.randn(2, 3, 32, 32)
    for label in range(3):
        cams = Heatmapper(net, (3, 32, 32), "cam")(batch, [label] * 2)
        grads = Heatmapper(net, (3, 32, 32), "gradcam")(batch, [label] * 2)
        for cam, grad in zip(cams, grads, strict=True):
            raw = cam.values * (cam.high - cam.low) + cam.low
            positive = np.maximum(raw, 0.0)
            np.testing.assert_allclose(grad.high * 64, positive.max(), rtol=1e-4, atol=1e-6)
            if positive.max() > 0:
                np.testing.assert_allclose(grad.values, positive / positive.max(), atol=1e-4)
            else:
                assert not grad.values.any()


def test_grad_cam_of_fully_connected_layers_against_hooks():
    """Eq. 1 and 2 by torch's own hooks, on the last map before the last pooling."""
    torch.manual_seed(0)
    net, batch = seeded("alexnet_small", input_side=32).eval(), torch.randn(2, 3, 32, 32)
    kept: list[Tensor] = []
    layer = next(n for n, m in net.named_modules() if n.endswith("conv5.relu"))
    hook = net.get_submodule(layer).register_forward_hook(lambda *call: kept.append(call[2]))
    logits = net(batch)
    hook.remove()
    (gradient,) = torch.autograd.grad(logits[0, 3] + logits[1, 1], kept[0])
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    wanted = F.relu((weights * kept[0]).sum(1)).detach().numpy()
    found = Heatmapper(net, (3, 32, 32), "gradcam")(batch, [3, 1])
    for heat, values in zip(found, wanted, strict=True):
        np.testing.assert_allclose(heat.values * heat.high, values, rtol=1e-3, atol=1e-7)
    assert any(heat.high > 0 for heat in found)


def test_a_class_map_holds_the_probability_of_the_class_at_each_cell():
    torch.manual_seed(1)
    net = Pooled(3).eval()
    batch = torch.randn(1, 3, 32, 48)
    by_class = [Heatmapper(net, (3, 32, 32), "classmap")(batch, [k])[0].values for k in range(3)]
    assert by_class[0].shape == (8, 12)
    np.testing.assert_allclose(sum(by_class), 1.0, atol=1e-6)
    with torch.no_grad():
        rows = net.classifier(net.stem(batch).permute(0, 2, 3, 1)).softmax(-1)[0]
    np.testing.assert_allclose(by_class[2], rows[..., 2].numpy(), atol=1e-6)


@pytest.mark.parametrize("size", [WIDE, TALL, (64, 64), (20, 20)], ids=str)
@pytest.mark.parametrize(
    ("method", "flattened"),
    [
        ("cam", False),
        ("gradcam", False),
        ("gradcam", True),
        ("classmap", False),
        ("classmap", True),
    ],
)
@pytest.mark.parametrize("share", [1.0, 0.8])
def test_a_bright_patch_lights_up_where_it_is(size, method, flattened, share):
    made = Preprocessing(side=64, channels=1, mean=(0.0,), std=(1.0,), crop_share=share)
    rows, columns = size
    middle = (rows * 0.42, columns * 0.55)
    half = max(1, min(size) // 20)
    light = np.zeros(size, np.uint8)
    top, left = (round(m) - half for m in middle)
    light[top : top + 2 * half, left : left + 2 * half] = 255
    heat, placement = _of(light, made, method, seeking_light(flattened=flattened))
    spread = placement.drawn(heat.values, heat.grid, size)
    peak = np.nan_to_num(spread - np.nanmin(spread)) ** 6
    found = [(peak.sum(1 - axis) * np.arange(size[axis])).sum() / peak.sum() for axis in (0, 1)]
    truth = (top + half - 0.5, left + half - 0.5)
    cell = [heat.grid.stride[a] * rows / placement.resized[0] for a in (0, 1)]
    off = [abs(f - t) / c for f, t, c in zip(found, truth, cell, strict=True)]
    assert max(off) < 0.5, (off, found, truth)


def _of(
    light: np.ndarray, made: Preprocessing, method: str, net: nn.Module
) -> tuple[Heatmap, Placement]:
    picture = Picture(Image.fromarray(light), "L")
    mapper = Heatmapper(net, (1, made.side, made.side), method)
    if method == "classmap":
        pixels = fit_whole(picture, 2 * made.side, 1)
        placement = Placement.whole(light.shape, 2 * made.side)
    else:
        pixels = centre(fit(picture, made.stored_side, 1)[None], made.side)[0]
        placement = Placement.centred(light.shape, made)
    (heat,) = mapper(normalise(pixels[None].copy(), made), [1])
    return heat, placement


@pytest.mark.parametrize("size", [WIDE, TALL, (64, 64), (1000, 100), (5, 7)], ids=str)
@pytest.mark.parametrize("whole", [False, True])
def test_the_placement_is_where_the_pixels_come_from(size, whole):
    """A picture whose grey value is its row or column says of every input pixel where it was."""
    made = Preprocessing(side=48, channels=1, mean=(0.0,), std=(1.0,), crop_share=0.75)
    for axis in (0, 1):
        ramp = np.linspace(0, 255, size[axis], dtype=np.float64)
        grey = np.broadcast_to(ramp[:, None] if axis == 0 else ramp, size).round().astype(np.uint8)
        picture = Picture(Image.fromarray(np.ascontiguousarray(grey)), "L")
        if whole:
            pixels, placement = fit_whole(picture, 64, 1), Placement.whole(size, 64)
        else:
            pixels = centre(fit(picture, 64, 1)[None], 48)[0]
            placement = Placement.centred(size, made)
        assert pixels.shape[:2] == placement.shape
        cells = np.broadcast_to(
            np.arange(placement.shape[axis], dtype=np.float32)[:, None]
            if axis == 0
            else np.arange(placement.shape[axis], dtype=np.float32),
            placement.shape,
        )
        where = placement.drawn(np.ascontiguousarray(cells), FieldGrid(), size)
        inner = np.isfinite(where)
        assert inner.any()
        place = where[inner].round().astype(int)
        values = pixels[:, :, 0].mean(axis=1 - axis)[place]
        edge = 0.6 * 255 / min(64, size[axis]) + 1.0  # half a pixel of the input, and rounding
        assert np.abs(values - grey[inner]).max() <= edge


def test_a_cell_has_its_value_in_the_middle_of_its_field():
    grid = FieldGrid(size=(5, 5), stride=(4, 4), offset=(-2, -2))
    values = np.array([[0.0, 1.0], [0.25, 0.5]], np.float32)
    placement = Placement.whole((8, 8), 8)
    drawn = placement.drawn(values, grid, (8, 8))
    assert drawn[0, 0] == 0.0
    assert drawn[0, 4] == 1.0
    assert drawn[4, 0] == 0.25
    assert drawn[0, 2] == 0.5
    assert drawn[7, 7] == 0.5  # beyond the last middle it stays


def test_the_overlay_is_hot_at_the_heat_and_dark_outside_of_the_crop():
    made = Preprocessing(side=64, channels=1, mean=(0.0,), std=(1.0,))
    light = np.full(WIDE, 100, np.uint8)
    light[40:50, 120:130] = 255
    heat, placement = _of(light, made, "gradcam", seeking_light(flattened=False))
    drawn = np.asarray(Image.open(BytesIO(overlay(Image.fromarray(light), heat, placement))))
    factor = drawn.shape[0] // WIDE[0]
    assert drawn.shape == (WIDE[0] * factor, WIDE[1] * factor, 3)
    assert (drawn[:, : 80 * factor] == 35).all()  # 0.35 of the grey 100
    brightness = drawn.astype(int).sum(axis=2)
    row, column = np.unravel_index(brightness.argmax(), brightness.shape)
    assert 36 <= row / factor <= 54
    assert 116 <= column / factor <= 134


@pytest.mark.parametrize("size", [(3000, 1500), (20, 30), (256, 100)], ids=str)
def test_drawings_have_256_to_1024_pixels(size):
    heat = Heatmap(
        method="gradcam", label=0, values=np.ones((2, 2), np.float32),
        grid=FieldGrid(stride=(16, 16)), low=0.0, high=1.0,
    )  # fmt: skip
    png = overlay(Image.new("L", size[::-1]), heat, Placement.whole(size, 32))
    drawn = Image.open(BytesIO(png))
    assert 256 <= max(drawn.size) <= 1024
    assert drawn.width / drawn.height == pytest.approx(size[1] / size[0], rel=0.01)


def test_every_family_has_a_grad_cam_and_says_when_it_has_no_cam():
    for name in ("lenet5", "vgg_a", "highway_10_w16_mnist", "squeezenet_small", "resnet8_small"):
        net, batch = seeded(name).eval(), images(name, 1)
        shape = tuple(batch.shape[1:])
        (heat,) = Heatmapper(net, shape, "gradcam")(batch, [0])
        assert heat.values.size > 1
        assert np.isfinite(heat.values).all()
    with pytest.raises(UserError, match=r"No CAM of this net: .*Use gradcam"):
        Heatmapper(seeded("alexnet_small"), (3, 8, 8), "cam")
    with pytest.raises(UserError, match="no feature map of several cells"):
        Heatmapper(seeded("lenet300_100"), (1, 8, 8), "gradcam")
    with pytest.raises(UserError, match="cam, gradcam, classmap"):
        Heatmapper(seeded("resnet8_small"), (3, 8, 8), "lime")


def test_outputs_that_are_no_numbers_are_not_drawn():
    net = Pooled().eval()
    with torch.no_grad():
        net.classifier.weight.fill_(float("nan"))
    with pytest.raises(UserError, match="not finite"):
        Heatmapper(net, (1, 32, 32), "cam")(torch.rand(1, 1, 32, 32), [0])
