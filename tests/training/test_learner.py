"""A step as a whole: clipping, micro-batches, precision, random streams, layers that condense."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from convatlas.errors import UserError
from convatlas.layers import LearnedGroupConv, StagedLayer, Survival
from convatlas.models import build
from convatlas.training import Learner, Recipe, has_norm
from convatlas.training._learner import seed_of
from tests.training.small import RECIPE

SUMS = 1e-5  # the same terms summed in another order


def batch(n=8, side=8, classes=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 1, side, side, generator=generator), torch.arange(n) % classes


def linear(side=8):
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(side * side, 3))


def gradients(net):
    return [p.grad.clone() for p in net.parameters()]


@pytest.mark.parametrize(("limit", "clipped"), [(0.01, True), (1e6, False)])
def test_gradients_are_clipped_together(limit, clipped):
    net, alone = linear(), linear()
    images, labels = batch()
    Learner(alone, replace(RECIPE, gradient_clip=None)).learn(0, 100 * images, labels)
    Learner(net, replace(RECIPE, gradient_clip=limit)).learn(0, 100 * images, labels)
    norm = math.sqrt(sum(float(g.square().sum()) for g in gradients(alone)))
    factor = limit / norm if clipped else 1.0
    assert (norm > limit) == clipped
    for ours, whole in zip(gradients(net), gradients(alone), strict=True):
        assert torch.allclose(ours, factor * whole, rtol=1e-3)  # torch adds 1e-6 to the norm


@pytest.mark.parametrize("changes", [{}, {"mixup": 1.0}, {"cutmix": 1.0}, {"gradient_clip": 0.05}])
@pytest.mark.parametrize(("n", "parts"), [(8, 2), (8, 3), (7, 4), (3, 8)])
def test_micro_batches_give_the_whole_batch_s_step(n, parts, changes):
    """Of a net without norms or random layers; 8 in 3 parts are 2, 3 and 3 images."""
    recipe = replace(RECIPE, **changes)
    weights = torch.tensor([2.0, 1.0, 0.5])
    whole, cut = (Learner(linear(), recipe, class_weights=weights) for _ in range(2))
    cut.micro_batches = parts
    for step in range(3):
        losses = [learner.learn(step, *batch(n, seed=step)) for learner in (whole, cut)]
        assert losses[0] == pytest.approx(losses[1], rel=SUMS)
        for a, b in zip(gradients(whole.net), gradients(cut.net), strict=True):
            assert torch.allclose(a, b, rtol=1e-4, atol=1e-7)
    assert torch.allclose(whole.net[1].weight, cut.net[1].weight, atol=1e-6)


class Watched(nn.Module):
    """Keeps how many images it saw at a time, and in which precision its layer answered."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(1, 3, 1)
        self.seen, self.types = [], set()

    def forward(self, x):
        self.seen.append(len(x))
        x = self.layer(x)
        self.types.add(x.dtype)
        return x.mean((2, 3))


@pytest.mark.parametrize(
    ("n", "parts", "sizes"), [(8, 3, [2, 3, 3]), (6, 2, [3, 3]), (2, 4, [1, 1])]
)
def test_parts_are_nearly_equal_and_none_is_empty(n, parts, sizes):
    learner = Learner(Watched(), replace(RECIPE, micro_batches=1))
    learner.micro_batches = parts
    learner.learn(0, *batch(n))
    assert learner.net.seen == sizes


class Penalised(StagedLayer):
    """A weight that only its penalty, its square, acts on; it notes how far it is told to be."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([2.0]))
        self.register_buffer("progress", torch.tensor(0.0))
        self.told = []

    def advance(self, progress):
        self.told.append(progress)
        self.progress.fill_(progress)

    def penalty(self):
        return self.weight.square().sum()

    def forward(self, x):
        return x


@pytest.mark.parametrize("parts", [1, 3])
def test_a_penalty_counts_once_a_step(parts):
    net = nn.Sequential(Penalised(), linear())
    recipe = replace(RECIPE, group_lasso=0.1, learning_rate=0.0, steps=20)
    learner = Learner(net, recipe)
    plain = Learner(nn.Sequential(Penalised(), linear()), replace(recipe, group_lasso=0.0))
    learner.micro_batches = parts
    penalised = learner.learn(7, *batch())
    assert penalised - plain.learn(7, *batch()) == pytest.approx(0.1 * 4, rel=SUMS)
    assert net[0].weight.grad.item() == pytest.approx(0.1 * 2 * 2, rel=SUMS)
    assert net[0].told == [7 / 20]


def condensing(**changes):
    torch.manual_seed(0)
    net = build(
        "condensenet50", depths=(1, 1), growth_rates=(8, 8), input_side=8, in_channels=1,
        num_classes=3,
    )  # fmt: skip
    return Learner(net, Recipe(learning_rate=0.05, steps=8, batch_size=6, **changes))


def learned_in(net):
    return [m for m in net.modules() if isinstance(m, LearnedGroupConv)]


def taught(learner, steps):
    for step in steps:
        learner.learn(step, *batch(6, seed=step))
    return learner


def test_the_group_lasso_by_hand():
    """Per filter group and input the root of the sum of squares (CondenseNet, section 4.1)."""
    with_it, without = (condensing(group_lasso=w) for w in (0.01, 0.0))
    expected = 0.0
    for layer in learned_in(with_it.net):
        weights = layer.weight.detach().double().numpy().reshape(layer.out_channels, -1)
        for group in range(layer.filter_groups):
            of_group = weights[group :: layer.filter_groups]
            expected += 0.01 * np.sqrt((of_group**2).sum(0)).sum()
    gap = with_it.learn(0, *batch(6)) - without.learn(0, *batch(6))
    assert expected > 0.1
    assert gap == pytest.approx(expected, rel=1e-4)  # a difference of losses of about 1


def test_a_net_condenses_in_the_first_half_and_is_taken_up_again_bit_for_bit():
    whole = taught(condensing(), range(8))
    first = taught(condensing(), range(3))
    assert {int(m.stage) for m in learned_in(first.net)} == {1}  # in the middle of condensing
    again = condensing()
    again.restore({name: tensor.clone() for name, tensor in first.tensors().items()})
    taught(again, range(3, 8))
    others = again.tensors()
    assert all(torch.equal(tensor, others[name]) for name, tensor in whole.tensors().items())
    for net in (whole.net, whole.average.net):
        assert learned_in(net)
        assert all(m.mask.float().mean() == 0.25 for m in learned_in(net))


class ShortOfMemory(nn.Module):
    """Cannot take more than `most` images of a step at a time."""

    def __init__(self, inner, most):
        super().__init__()
        self.inner, self.most = inner, most

    def forward(self, x):
        if len(x) > self.most:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory")
        return self.inner(x)


def test_a_step_that_memory_does_not_suffice_for_is_done_in_parts():
    roomy = Learner(linear(), RECIPE)
    tight = Learner(ShortOfMemory(linear(), 3), RECIPE)
    for step in range(2):
        losses = [learner.learn(step, *batch(8, seed=step)) for learner in (roomy, tight)]
        assert losses[0] == pytest.approx(losses[1], rel=SUMS)
    assert tight.micro_batches == 4  # 8, 4 and 4 were too many
    assert torch.allclose(roomy.net[1].weight, tight.net.inner[1].weight, atol=1e-6)


def test_memory_for_not_even_one_image_is_said():
    with pytest.raises(UserError, match=r"a step of 8 images in 8 micro-batches\. Use a smal"):
        Learner(ShortOfMemory(linear(), 0), RECIPE).learn(0, *batch())


def test_a_step_that_is_begun_again_has_its_stage_and_its_old_statistics():
    """What condenses before the step stays condensed; what the norms saw is undone."""
    net = nn.Sequential(Penalised(), nn.BatchNorm2d(1), linear())
    learner = Learner(ShortOfMemory(net, 4), replace(RECIPE, steps=20))
    learner.learn(5, *batch())
    assert net[0].progress == 5 / 20
    assert net[1].num_batches_tracked == 2  # two parts of 4; the attempt with 8 is forgotten
    before = net[1].running_mean.clone()
    learner.backward(6, *batch())
    assert not torch.equal(net[1].running_mean, before)
    learner.forget()
    assert torch.equal(net[1].running_mean, before)
    assert all(p.grad is None for p in net.parameters())


def test_bfloat16_computes_in_half_and_keeps_weights_whole():
    torch.manual_seed(0)
    net = Watched()
    whole = Watched()
    whole.load_state_dict(net.state_dict())
    half = Learner(net, replace(RECIPE, precision="bfloat16", learning_rate=0.1))
    single = Learner(whole, replace(RECIPE, learning_rate=0.1))
    losses = [learner.learn(0, *batch()) for learner in (half, single)]
    assert net.types == {torch.bfloat16}
    assert whole.types == {torch.float32}
    assert losses[0] == pytest.approx(losses[1], rel=2**-7)  # 8 bits in each logit
    assert losses[0] != losses[1]
    tensors = half.tensors().values()
    assert {t.dtype for t in tensors if t.is_floating_point()} == {torch.float32}
    assert {g.dtype for g in gradients(net)} == {torch.float32}
    assert torch.allclose(net.layer.weight, whole.layer.weight, atol=1e-3)
    assert not torch.equal(net.layer.weight, whole.layer.weight)


@pytest.mark.parametrize("grain", ["stages", "blocks"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_recomputed_steps_are_the_same_bit_for_bit(grain, precision):
    def run(recompute):
        torch.manual_seed(0)
        net = build("resnet8_small", input_side=8, in_channels=1, num_classes=3)
        passes = []
        inner = next(m for m in net.stages.modules() if isinstance(m, nn.Conv2d))
        inner.register_forward_hook(lambda *_: passes.append(1))
        recipe = replace(RECIPE, recompute=recompute, precision=precision, mixup=0.2)
        learner = Learner(net, recipe)
        learner.micro_batches = 2
        for step in range(3):
            learner.learn(step, *batch(seed=step))
        return learner.tensors(), len(passes)

    (plain, once), (again, twice) = run("none"), run(grain)
    assert (once, twice) == (6, 12)  # 3 steps in 2 parts
    assert all(torch.equal(tensor, again[name]) for name, tensor in plain.items())


class Noted(nn.Module):
    """Dropout and a branch that survives at random; keeps what was drawn."""

    def __init__(self):
        super().__init__()
        self.dropout, self.survival, self.last = nn.Dropout(0.5), Survival(0.5), linear()
        self.drawn = []

    def forward(self, x):
        kept = self.dropout(torch.ones(32))
        self.drawn.append((tuple(kept.tolist()), self.survival.drops(x)))
        return self.last(x)


def test_random_layers_draw_from_the_step_s_own_stream():
    def drawn(steps, *, seed=1, before=0):
        net = Noted()
        learner = Learner(net, replace(RECIPE, seed=seed, steps=100))
        for step in steps:
            torch.rand(before)  # whatever was drawn before
            learner.learn(step, *batch())
        return net.drawn

    first = drawn(range(20))
    assert drawn(range(20), before=17) == first
    assert drawn([13]) == first[13:14]
    assert drawn(range(20), seed=2) != first
    assert len({mask for mask, _ in first}) == 20
    assert 3 < sum(dropped for _, dropped in first) < 17  # half of 20; outside once in 400


def test_seeds_of_steps_and_processes_are_all_different():
    seeds = {
        seed_of(seed, step, rank=rank)
        for seed in range(5)
        for step in range(500)
        for rank in range(4)
    }
    assert len(seeds) == 5 * 500 * 4


def test_has_norm():
    assert has_norm(build("resnet8_small"))
    assert not has_norm(build("lenet5_small"))


@given(st.integers(1, 8))
def test_the_loss_before_the_step_is_what_a_step_gives(n):
    net = linear()
    images, labels = batch(n)
    expected = F.cross_entropy(net(images), labels, label_smoothing=0.1).item()
    learner = Learner(net, RECIPE)
    assert learner.learn(0, images, labels) == pytest.approx(expected, rel=SUMS)
    assert learner.learn(1, images, labels) < expected
