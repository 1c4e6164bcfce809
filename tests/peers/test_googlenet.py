"""GoogLeNet with its equations written out, and the net that torchvision calls by its name."""

import pytest
import torch
from torch.nn import functional as F

from convatlas.models import build
from tests.peers.peer import assert_same_logits, build_theirs, randomise, relative_difference

SIDE = 96  # maps of 48, 24, 12, 6 and 3: a 2x2 and a 3x3 pool before 5a tell apart


def test_equal_outputs():
    assert_same_logits("googlenet_3x3", "torchvision", side=SIDE)


@pytest.mark.slow
def test_equal_outputs_of_the_full_size():
    assert_same_logits("googlenet_3x3", "torchvision")


def test_equal_heads():
    """Ours takes the weights of theirs by the names of its parts, in evaluation mode."""
    theirs = build_theirs("torchvision", "googlenet").eval()
    randomise(theirs)
    ours = build("googlenet_3x3", input_side=SIDE).eval()
    for name, head in (("inception_4a", theirs.aux1), ("inception_4d", theirs.aux2)):
        own = ours.aux[name]
        own.reduce.conv.load_state_dict(head.conv.conv.state_dict())
        own.reduce.norm.load_state_dict(head.conv.bn.state_dict())
        own.hidden.load_state_dict(head.fc1.state_dict())
        own.linear.load_state_dict(head.fc2.state_dict())
        x = torch.randn(2, own.reduce.conv.in_channels, 14, 14)
        with torch.no_grad():
            assert relative_difference(head(x), own(x)) <= 1e-4


@pytest.mark.parametrize("name", ["googlenet", "googlenet_naive", "se_inception"])
def test_equal_to_the_equations(name):
    torch.manual_seed(0)
    net = build(name, width_multiplier=0.25, input_side=SIDE).eval()
    for parameter in net.parameters():
        if parameter.dim() == 1:
            torch.nn.init.uniform_(parameter, -0.1, 0.1)
    images = 4 * torch.randn(2, 3, SIDE, SIDE)  # large, so that the response norm does something
    with torch.no_grad():
        expected, heads = equations(net.state_dict(), images)
        logits, own_heads = net.forward_with_aux(images)
        assert relative_difference(expected, net(images)) <= 1e-4
        assert torch.equal(net(images), logits)
        for head, own in zip(heads, own_heads, strict=True):
            assert relative_difference(head, own) <= 1e-4


def equations(state, x):
    """Table 1 from top to bottom, by functions alone; the layout follows from the weights."""
    x = response_norm(pool(conv(state, "stem.conv1", x, stride=2)))
    x = conv(state, "stem.conv2.conv", conv(state, "stem.conv2.reduce", x))
    x, heads = pool(response_norm(x)), []
    for name in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
        if name in ("4a", "5a"):
            x = pool(x)
        x = module(state, f"stages.inception_{name}", x)
        if name in ("4a", "4d"):
            heads.append(head(state, f"aux.inception_{name}", x))
    return linear(state, "classifier.linear", x.mean((2, 3))), heads


def module(state, path, x):
    gated = f"{path}.gate.reduce.weight" in state
    branch = f"{path}.concat.branches" if gated else f"{path}.branches"
    parts = [conv(state, f"{branch}.conv1x1", x)]
    for wide in ("conv3x3", "conv5x5"):
        if f"{branch}.{wide}.reduce.conv.weight" in state:
            narrow = conv(state, f"{branch}.{wide}.reduce", x)
            parts.append(conv(state, f"{branch}.{wide}.conv", narrow))
        else:
            parts.append(conv(state, f"{branch}.{wide}", x))
    pooled = F.max_pool2d(x, 3, stride=1, padding=1)
    projects = f"{branch}.pool.project.conv.weight" in state
    parts.append(conv(state, f"{branch}.pool.project", pooled) if projects else pooled)
    x = torch.cat(parts, dim=1)
    if gated:
        z = x.mean((2, 3), keepdim=True)
        z = F.relu(plain(state, f"{path}.gate.reduce", z))
        x = x / (1 + torch.exp(-plain(state, f"{path}.gate.expand", z)))
    return x


def head(state, path, x):
    x = conv(state, f"{path}.reduce", F.adaptive_avg_pool2d(x, 4)).flatten(1)
    return linear(state, f"{path}.linear", F.relu(linear(state, f"{path}.hidden", x)))


def conv(state, path, x, stride=1):
    return F.relu(plain(state, f"{path}.conv", x, stride))


def plain(state, path, x, stride=1):
    weight = state[f"{path}.weight"]
    return F.conv2d(x, weight, state[f"{path}.bias"], stride, weight.shape[-1] // 2)


def linear(state, path, x):
    return x @ state[f"{path}.weight"].T + state[f"{path}.bias"]


def pool(x):
    """3x3 at stride 2; a last window may hang over the edge, as caffe's do."""
    return F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-torch.inf), 3, stride=2)


def response_norm(x):
    squares = F.pad(x.square(), (0, 0, 0, 0, 2, 2))
    near = sum(squares[:, i : i + x.shape[1]] for i in range(5))
    return x / (1 + 1e-4 / 5 * near) ** 0.75
