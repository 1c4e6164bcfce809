"""What every variant of every family promises. A new family is tried by being in `models`."""

import json
from dataclasses import asdict

import pytest
import torch
from torch import Tensor, nn

from convatlas.analysis import trace, without_weights
from convatlas.analysis._counting import mult_adds
from convatlas.analysis._parts import own_parameters
from convatlas.cli.models import CATALOGUE
from convatlas.models import families, family_of, find, from_spec, spec_of
from tests.contract.nets import (
    FIXED,
    every,
    images,
    nothing_dropped,
    on_meta,
    representatives,
    seeded,
    thin,
)

LISTED = json.loads(CATALOGUE.read_text())["variants"]
OVERFLOWING = {"plain1202_cifar"}
PARTS = {"stem", "stages", "pool", "classifier", "aux"}


@pytest.fixture(scope="module", params=find())
def full(request):
    """A variant at full size, without weights, and its graph; built once for the tests of it."""
    net, spec = on_meta(request.param), spec_of(request.param)
    shape = (spec.in_channels, spec.input_side, spec.input_side)
    return request.param, net, trace(net, shape)


def test_full_size_has_the_parts_and_traces_to_logits(full):
    name, net, graph = full
    parts = {part for part, _ in net.named_children()}
    assert {"stages", "classifier"} <= parts <= PARTS
    assert ("aux" in parts) == hasattr(net, "forward_with_aux")
    assert graph[graph.output].shape == (spec_of(name).num_classes,)


def test_full_size_counts_what_is_listed(full):
    name, net, graph = full
    listed = LISTED.get(name, {"params": None, "mult_adds": None})
    counted = {
        "params": sum(p.numel() for p in own_parameters(net)),
        "mult_adds": sum(map(mult_adds, graph.nodes)),
    }
    assert counted == {quantity: listed[quantity] for quantity in counted}, "run `make counts`"


@pytest.fixture(scope="module", params=every())
def variant(request):
    return request.param


@pytest.fixture(scope="module")
def built(variant):
    """The thin net, built once for the tests that run it, and a copy of its state."""
    net = seeded(variant)
    return net, {name: value.clone() for name, value in net.state_dict().items()}


@pytest.fixture
def net(built):
    return built[0]


@pytest.fixture
def initial(built):
    return built[1]


def test_every_parameter_lies_on_the_way_to_the_logits(variant, net):
    batch = images(variant, 1)
    graph = trace(net, tuple(batch.shape[1:]))
    used, waiting = set(), [graph.output]
    while waiting:
        node = graph[waiting.pop()]
        if node.name not in used:
            used.add(node.name)
            waiting += node.inputs
    weights = {id(p) for n in used if graph[n].module for p in graph[n].module.parameters()}
    left = [name for name, p in net.named_parameters() if id(p) not in weights]
    assert [name for name in left if not name.startswith("aux.")] == []


def test_logits_are_one_tensor_of_the_traced_shape(variant, net):
    batch = images(variant, 4)
    graph = trace(net, tuple(batch.shape[1:]))
    with torch.no_grad():
        for mode in (True, False):
            logits = net.train(mode)(batch)
            assert logits.shape == (4, *graph[graph.output].shape)


def test_only_the_classifier_depends_on_the_number_of_classes(variant, net):
    spec = spec_of(variant)
    other = on_meta(variant, **thin(variant), num_classes=spec.num_classes + 3)
    shapes = {name: value.shape for name, value in net.state_dict().items()}
    others = {name: value.shape for name, value in other.state_dict().items()}
    assert shapes.keys() == others.keys()
    changed = {name for name in shapes if shapes[name] != others[name]}
    assert changed
    assert all(name.startswith(("classifier", "aux.")) for name in changed)


def test_every_parameter_gets_a_gradient(variant, net):
    """By one start or another: a thin net may begin with a unit that no image wakes."""
    if variant in OVERFLOWING:
        pytest.xfail("1202 layers without a shortcut: the gradients overflow")
    waiting = _without_gradient(variant, net)
    for seed in (1, 2, 3):
        if waiting:
            waiting &= _without_gradient(variant, seeded(variant, seed))
    assert waiting == set()


def _without_gradient(variant: str, net: nn.Module) -> set[str]:
    torch.manual_seed(0)
    with_aux = getattr(nothing_dropped(net), "forward_with_aux", None)
    batch = images(variant, 4)
    if with_aux is None:
        outputs = [net(batch)]
    else:
        logits, heads = with_aux(batch)
        assert heads
        assert all(head.shape == logits.shape for head in heads)
        outputs = [logits, *heads]
    generator = torch.Generator().manual_seed(2)
    loss = sum((y * torch.randn(y.shape, generator=generator)).sum() for y in outputs)
    net.zero_grad()
    loss.backward()
    named = dict(net.named_parameters())
    assert all(p.grad is None or p.grad.isfinite().all() for p in named.values())
    missing = {n for n, p in named.items() if p.grad is None or not p.grad.any()}
    net.zero_grad()
    return missing


def test_an_image_alone_scores_as_in_a_batch(variant, net):
    batch = images(variant, 3)
    with torch.no_grad():
        together, alone = net.eval()(batch), net(batch[1:2])
    assert float((together[1] - alone[0]).abs().max()) <= 1e-4 * float(together.abs().max())


def test_same_seed_same_weights_and_state_comes_back(variant, initial):
    again = seeded(variant)
    assert _differing(again, initial) == []
    with torch.no_grad():
        for value in again.state_dict().values():
            value.zero_()
    assert _differing(again, initial) != []
    again.load_state_dict(initial, strict=True)
    assert _differing(again, initial) == []


def test_spec_comes_back_through_json(variant, net):
    spec = json.loads(json.dumps(asdict(spec_of(variant, **thin(variant)))))
    with without_weights():
        again = from_spec(family_of(variant).name, spec)
    assert [(name, value.shape) for name, value in again.state_dict().items()] == [
        (name, value.shape) for name, value in net.state_dict().items()
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(representatives()))
def test_torch_export_agrees(name):
    batch = images(name, 2)
    with torch.no_grad():
        ours = seeded(name).eval()
        exported = torch.export.export(ours, (batch,)).module()
        logits, other = ours(batch), exported(batch)
    assert float((logits - other).abs().max()) <= 1e-4 * float(logits.abs().max())


def test_the_fixed_exist():
    assert set(find()) >= FIXED


def test_every_family_is_represented():
    assert {family_of(name).name for name in representatives()} == set(families())


def _differing(net: nn.Module, state: dict[str, Tensor]) -> list[str]:
    own = net.state_dict()
    assert own.keys() == state.keys()
    return [name for name, value in state.items() if not torch.equal(value, own[name])]
