"""Training that runs parts of a net twice ends at the same weights, bit for bit."""

from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from convatlas.errors import UserError
from convatlas.layers import SampleDrop, Survival
from convatlas.models import build, families
from convatlas.training._recompute_stages import parts_of, recomputed
from tests.contract.nets import images, on_meta, representatives, thin


def _of_family(family):
    """The quickest to run."""
    names = [n for n in families()[family].variants if n in representatives()]
    return min(names, key=lambda name: (thin(name).get("input_side", 32), len(_parts(name))))


def _parts(name):
    return list(on_meta(name, **thin(name)).modules())


def seeded(name, **changes):
    torch.manual_seed(0)
    return build(name, **{**thin(name), **changes}).train()


def loss_of(net, x):
    labels = torch.arange(len(x))
    if not hasattr(net, "forward_with_aux"):
        return F.cross_entropy(net(x), labels)
    logits, heads = net.forward_with_aux(x)
    losses = [0.3 * F.cross_entropy(head, labels) for head in heads]
    return sum(losses, F.cross_entropy(logits, labels))


def trained(name, grain, steps, **changes):
    net, x = seeded(name, **changes), images(name, 2, **changes)
    learner = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    for _ in range(steps):
        learner.zero_grad()
        with recomputed(net, grain):
            loss = loss_of(net, x)
        loss.backward()
        learner.step()
    return net


def kept_bytes(net, x, grain):
    """What autograd keeps of a forward pass, every storage once, without parameters."""
    found = {}

    def note(tensor):
        found[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    hooks = torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor)
    with hooks, recomputed(net, grain):
        loss = loss_of(net, x)
    for parameter in net.parameters():
        found.pop(parameter.untyped_storage().data_ptr(), None)
    loss.backward()
    return sum(found.values())


def assert_equal_state(a, b):
    """Weights, running statistics and counts of batches."""
    assert list(a.state_dict()) == list(b.state_dict())
    for (name, x), y in zip(a.state_dict().items(), b.state_dict().values(), strict=True):
        assert torch.equal(x, y), name


@pytest.mark.parametrize("family", sorted(families()))
def test_every_family_ends_at_the_same_weights(family):
    name = _of_family(family)
    assert parts_of(seeded(name), "blocks")
    assert_equal_state(trained(name, "none", 1), trained(name, "blocks", 1))


@pytest.mark.slow
@pytest.mark.parametrize("grain", ["stages", "blocks"])
@pytest.mark.parametrize("family", sorted(families()))
def test_every_family_after_five_steps(family, grain):
    name = _of_family(family)
    assert_equal_state(trained(name, "none", 5), trained(name, grain, 5))


@pytest.mark.parametrize("grain", ["stages", "blocks"])
def test_random_layers_draw_the_same_numbers(grain):
    """Stochastic depth, of whole batches and image by image."""
    for name, changes in (("resnet20_cifar", {"survival": 0.5}), ("efficientnet_small", {})):
        plain, other = (trained(name, g, 2, **changes) for g in ("none", grain))
        assert_equal_state(plain, other)
        assert any(isinstance(m, Survival | SampleDrop) for m in plain.stages.modules())


def test_smaller_parts_keep_more_of_their_inputs_and_all_keep_less_than_none():
    name = "resnet18_small"
    net, x = seeded(name), images(name, 2)
    kept = {grain: kept_bytes(net, x, grain) for grain in ("none", "stages", "blocks")}
    assert kept["stages"] < kept["blocks"] < 0.6 * kept["none"]


def test_memory_efficient_dense_blocks_can_be_recomputed_too():
    changes = {"memory_efficient": True, "depths": (2, 2)}
    name = "densenet_bc_40_small"
    assert_equal_state(trained(name, "none", 2, **changes), trained(name, "stages", 2, **changes))


def test_frozen_norms_stay_frozen():
    net, x = seeded("resnet8_small"), images("resnet8_small", 2)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    before = deepcopy(net.state_dict())
    with recomputed(net, "blocks"):
        loss_of(net, x).backward()
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_the_net_is_as_before_and_copies_are_independent():
    net, x = seeded("resnet8_small"), images("resnet8_small", 2)
    with pytest.raises(RuntimeError), recomputed(net, "blocks"):
        net(x[:, :1])
    assert not any("forward" in module.__dict__ for module in net.modules())
    copy = deepcopy(net)
    with recomputed(net, "blocks"):
        loss_of(net, x).backward()
    assert all(p.grad is None for p in copy.parameters())
    exported = torch.export.export(net.eval(), (x,)).module()
    assert torch.allclose(exported(x), net(x), atol=1e-6)


def test_parts():
    """Blocks of stages that are made of blocks, stages otherwise; pools have nothing to keep."""
    resnet, vgg, googlenet = (seeded(n) for n in ("resnet8_small", "vgg_a_small", "googlenet"))
    assert parts_of(resnet, "stages") == list(resnet.stages.children())
    assert parts_of(resnet, "blocks") == [b for s in resnet.stages.children() for b in s]
    assert parts_of(vgg, "blocks") == list(vgg.stages.children())
    assert [type(p).__name__ for p in parts_of(googlenet, "stages")] == ["Parallel"] * 9
    assert parts_of(resnet, "none") == []


def test_what_cannot_be_recomputed():
    with pytest.raises(UserError, match="recompute='layers' is unknown"):
        parts_of(seeded("resnet8_small"), "layers")
    with pytest.raises(UserError, match="Linear has no stages to recompute"):
        parts_of(nn.Linear(2, 2), "stages")
