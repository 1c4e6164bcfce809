"""Loading the peer libraries, and putting one net's weights into another."""

import os
from collections.abc import Callable
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from convatlas.foreign import convert, net_for, sources_of

WEIGHTED = (nn.Conv2d, nn.Linear, nn.BatchNorm2d)


@cache
def _detection_schemas() -> torch.library.Library:
    """A torchvision wheel beside a CPU-only torch imports once these two operators are declared."""
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


def peer(name: str) -> ModuleType:
    """The peer library's module `name`; in CI it must be there, elsewhere its absence skips."""
    _detection_schemas()
    try:
        return import_module(name)
    except ImportError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"{name} is not installed: {error}")


def transplant(
    source: nn.Module,
    target: nn.Module,
    image: Tensor,
    start: Callable[[nn.Module], nn.Module] | None = None,
) -> None:
    """Copy weights from `source` to `target`, pairing layers of one type and shape as they run.

    Every weighted layer must find its twin; random weights and statistics are set first, by
    `randomise` or by `start`, so that a wrong normalisation shows.
    """
    (start or randomise)(source)
    ours, theirs = _as_run(source, image), _as_run(target, image)
    assert sorted(map(_key, ours)) == sorted(map(_key, theirs))
    waiting: dict[str, list[nn.Module]] = {}
    for layer in ours:
        waiting.setdefault(_key(layer), []).append(layer)
    for layer in theirs:
        layer.load_state_dict(waiting[_key(layer)].pop(0).state_dict(), strict=True)
    assert_sees(source, image)


def fill_pytorchcv(
    theirs: nn.Module, net: nn.Module, stem: nn.Module, their_stem: nn.Module
) -> None:
    """Put the weights of our net of bottleneck units into pytorchcv's, unit by unit."""
    pairs = [(stem, their_stem)]
    for number, stage in enumerate(net.stages, start=1):
        their_stage = theirs.features.get_submodule(f"stage{number}")
        for unit, their_unit in zip(stage, their_stage, strict=True):
            body = their_unit.body
            pairs += [(unit.reduce, body.conv1), (unit.spatial, body.conv2)]
            pairs.append((unit.restore, body.conv3))
            if not isinstance(unit.shortcut, nn.Identity):
                pairs.append((unit.shortcut, their_unit.identity_conv))
    for block, their_block in pairs:
        their_block.conv.load_state_dict(block.conv.state_dict())
        their_block.bn.load_state_dict(block.norm.state_dict())
    theirs.output.load_state_dict(net.classifier.state_dict())


def relative_difference(a: Tensor, b: Tensor) -> float:
    with torch.no_grad():
        return float((a - b).abs().max() / a.abs().max())


def _key(layer: nn.Module) -> str:
    shapes = [tuple(p.shape) for p in layer.parameters()]
    kind = next(kind for kind in WEIGHTED if isinstance(layer, kind)).__name__
    return f"{kind} {shapes}"


def randomise(net: nn.Module) -> nn.Module:
    """Random weights that keep the size of what a layer reads, and random statistics.

    Under the small weights that libraries start from, shifts of batch norms hide what the layers
    before them do: two images then have almost the same logits, and so would a wrong net.
    """
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for layer in net.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                std = (2 / layer.weight[0].numel()) ** 0.5
                layer.weight.normal_(std=std, generator=generator)
                if layer.bias is not None:
                    layer.bias.normal_(std=0.1, generator=generator)
            elif isinstance(layer, nn.BatchNorm2d):
                for tensor in (layer.weight, layer.running_var):
                    tensor.uniform_(0.5, 1.5, generator=generator)
                for tensor in (layer.bias, layer.running_mean):
                    tensor.uniform_(-0.5, 0.5, generator=generator)
    return net


def assert_transplants(ours: nn.Module, theirs: nn.Module, side: int) -> None:
    """Our weights in a net whose layers of one shape run in our order give our output."""
    images = noise(side)
    transplant(ours, theirs, images)
    assert_equal(ours, theirs, images)


def assert_equal(ours: nn.Module, theirs: nn.Module, images: Tensor) -> None:
    """Both put out the same, and what they put out depends on the image."""
    assert_sees(ours, images)
    with torch.no_grad():
        logits, others = (net.eval()(images).flatten(1) for net in (ours, theirs))
    assert relative_difference(others, logits) <= 1e-4


def noise(side: int) -> Tensor:
    return torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))


def assert_sees(net: nn.Module, images: Tensor) -> None:
    """The net's output depends on the image, so that a comparison can fail."""
    with torch.no_grad():
        logits, others = (net.eval()(x).flatten(1) for x in (images, images.flip(3)))
    assert relative_difference(logits, others) > 1e-3


def _as_run(net: nn.Module, image: Tensor) -> list[nn.Module]:
    seen: list[nn.Module] = []

    def hook(module: nn.Module, *_: object) -> None:
        seen.append(module)

    handles = [m.register_forward_hook(hook) for m in net.modules() if isinstance(m, WEIGHTED)]
    with torch.no_grad():
        net.eval()(image)
    for handle in handles:
        handle.remove()
    return seen


def assert_same_logits(
    variant: str,
    library: Literal["timm", "torchvision"],
    side: int | None = None,
    **our_changes: Any,
) -> None:
    """Their net under random weights and statistics, converted, computes what ours does.

    Args:
        side: of the images, and our net's `input_side`; the variant's own without it.
        our_changes: fields of our spec; a `num_classes` goes to theirs as well.
    """
    (source,) = [s for s in sources_of(variant) if s.library == library]
    torch.manual_seed(0)
    classes = {k: v for k, v in our_changes.items() if k == "num_classes"}
    theirs = build_theirs(library, source.variants[variant], **classes).eval()
    randomise(theirs)
    if side is not None:
        our_changes["input_side"] = side
    net, spec = net_for(variant, source, **our_changes)
    net.load_state_dict(convert(theirs.state_dict(), net, source), strict=True)
    images = torch.randn(2, spec.in_channels, spec.input_side, spec.input_side)
    assert_equal(net, theirs, images)


def build_theirs(library: str, name: str, **changes: Any) -> nn.Module:
    """A library's net by its name, without pretrained weights."""
    if library == "timm":
        return peer("timm").create_model(name, pretrained=False, **changes)
    if name in ("googlenet", "inception_v3"):
        changes = {"init_weights": False, **changes}  # they warn unless told
    return peer("torchvision.models").get_model(name, weights=None, **changes)
