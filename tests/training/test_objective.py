"""The loss of a step on numbers worked out beside it, in NumPy's double precision."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from convatlas.data import class_weights
from convatlas.training import Learner, Recipe
from convatlas.training._mixing import Mixed
from convatlas.training._objective import Objective, distillation_loss

ROUNDING = 1e-6  # float32: a few units of the last of its 24 bits
LOGITS = np.array([[2.0, 0.0, -1.0], [0.5, 1.5, 0.0], [0.0, 0.0, 3.0], [1.0, -2.0, 0.5]])
LABELS = np.array([0, 2, 2, 1])


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


def each_by_hand(logits, labels, smoothing=0.0):
    """Cross-entropy of each image with labels of 1 - e at the class and e / k everywhere."""
    n, k = logits.shape
    targets = np.full((n, k), smoothing / k)
    targets[np.arange(n), labels] += 1 - smoothing
    return -(targets * log_softmax(logits)).sum(1)


def loss_of(objective, logits=LOGITS, labels=LABELS, mix=None):
    """Of a net whose logits are its input."""
    images = torch.tensor(logits, dtype=torch.float32)
    return objective(nn.Identity(), images, torch.tensor(labels), mix).item()


def test_a_smoothed_label_in_figures():
    """Two classes, logits (ln 3, 0), label 0, e = 0.2: 0.9 ln(4/3) + 0.1 ln 4."""
    found = loss_of(
        Objective(Recipe(label_smoothing=0.2)), np.array([[np.log(3), 0.0]]), np.array([0])
    )
    assert found == pytest.approx(0.9 * np.log(4 / 3) + 0.1 * np.log(4), rel=ROUNDING)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("weights", [None, [3.0, 1.0, 0.25]])
def test_the_mean_of_the_images_each_times_its_class_s_weight(smoothing, weights):
    recipe = Recipe(label_smoothing=smoothing)
    given = None if weights is None else torch.tensor(weights)
    each = each_by_hand(LOGITS, LABELS, smoothing)
    if weights is not None:
        each = each * np.array(weights)[LABELS]
    assert loss_of(Objective(recipe, given)) == pytest.approx(each.mean(), rel=ROUNDING)


def test_mixed_images_count_for_both_labels_and_both_weights():
    weights, others = np.array([3.0, 1.0, 0.25]), np.array([2, 2, 0, 0])
    mix = Mixed(torch.empty(4, 1, 1, 1), torch.tensor(LABELS), torch.tensor(others), 0.7)
    recipe = Recipe(label_smoothing=0.1)
    own = (each_by_hand(LOGITS, LABELS, 0.1) * weights[LABELS]).mean()
    other = (each_by_hand(LOGITS, others, 0.1) * weights[others]).mean()
    found = loss_of(Objective(recipe, torch.tensor(weights).float()), mix=mix)
    assert found == pytest.approx(0.7 * own + 0.3 * other, rel=ROUNDING)


@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(1, 5))
def test_the_mean_over_parts_is_that_of_the_batch(seed, n, parts):
    """Weights that summed to 1 within a part would break this."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, n)
    everywhere = np.concatenate([labels, [0, 1, 2]])
    weights = torch.tensor(class_weights(everywhere, 3, "inverse")).float()
    objective = Objective(Recipe(), weights)
    logits = random.normal(size=(n, 3))
    cut = np.array_split(np.arange(n), min(parts, n))
    mean = sum(loss_of(objective, logits[p], labels[p]) * len(p) / n for p in cut)
    assert mean == pytest.approx(loss_of(objective, logits, labels), rel=1e-5)


class TwoHeads(nn.Module):
    """A head of its own and two beside it, as GoogLeNet has."""

    def __init__(self):
        super().__init__()
        self.main, self.first, self.second = (nn.Linear(4, 3) for _ in range(3))

    def forward(self, x):
        return self.main(x.flatten(1))

    def forward_with_aux(self, x):
        return self(x), [self.first(x.flatten(1)), self.second(x.flatten(1))]


def numbers(tensor):
    return tensor.detach().double().numpy()


@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_auxiliary_heads_count_by_their_weight(weight):
    torch.manual_seed(0)
    net = TwoHeads()
    recipe = Recipe(label_smoothing=0.1, auxiliary_weight=weight, learning_rate=0.0)
    learner = Learner(net, recipe)
    x = torch.randn(4, 1, 2, 2)
    main, (first, second) = net.forward_with_aux(x)
    losses = [each_by_hand(numbers(z), LABELS, 0.1).mean() for z in (main, first, second)]
    found = learner.learn(0, x, torch.tensor(LABELS))
    expected = losses[0] + weight * (losses[1] + losses[2])
    assert found == pytest.approx(expected, rel=ROUNDING)
    assert (net.first.weight.grad is None) == (weight == 0)


def test_distillation_in_figures():
    """T = 2: probabilities (1/4, 3/4) of ours, (1/2, 1/2) of the teacher's, times T^2 = 4."""
    ours = torch.tensor([[0.0, 2 * np.log(3)]])
    theirs = torch.tensor([[1.0, 1.0]])
    expected = 4 * (0.5 * np.log(0.5 / 0.25) + 0.5 * np.log(0.5 / 0.75))
    assert distillation_loss(ours, theirs, 2.0).item() == pytest.approx(expected, rel=ROUNDING)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_distillation_is_torch_s_divergence_times_its_temperature_squared(temperature):
    torch.manual_seed(0)
    ours, theirs = torch.randn(5, 7), torch.randn(5, 7)
    divergence = nn.KLDivLoss(reduction="batchmean")(
        (ours / temperature).log_softmax(1), (theirs / temperature).softmax(1)
    )
    found = distillation_loss(ours, theirs, temperature)
    assert found.item() == pytest.approx(temperature**2 * divergence.item(), rel=1e-5)
    assert distillation_loss(ours, ours + 3, temperature).item() == pytest.approx(0, abs=1e-5)


def test_the_square_of_the_temperature_keeps_the_gradient_s_size():
    """Section 2.1 of the paper: at high temperatures the gradient is (z - v) / N, whatever T."""
    ours = torch.tensor([[0.3, -0.5, 0.2]], requires_grad=True)  # both with a mean of 0
    theirs = torch.tensor([[-0.1, 0.4, -0.3]])
    distillation_loss(ours, theirs, 100.0).backward()
    assert torch.allclose(ours.grad, (ours - theirs).detach() / 3, rtol=0.01)  # of order 1 / T


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_a_teacher_s_part_of_the_loss(share):
    torch.manual_seed(0)
    teacher = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(4, 3))
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    recipe = Recipe(distillation=share, temperature=3.0, label_smoothing=0.0, learning_rate=0.01)
    learner = Learner(net, recipe, teacher=teacher)
    x = torch.randn(4, 1, 2, 2)
    answers = numbers(teacher[2](teacher[0](x)))  # asked without dropout
    logits = numbers(net(x))
    ours, theirs = log_softmax(logits / 3), log_softmax(answers / 3)
    part = 9 * (np.exp(theirs) * (theirs - ours)).sum(1).mean()
    expected = (1 - share) * each_by_hand(logits, LABELS).mean() + share * part
    before = {name: t.clone() for name, t in teacher.state_dict().items()}
    assert learner.learn(0, x, torch.tensor(LABELS)) == pytest.approx(expected, rel=1e-5)
    assert all(torch.equal(t, before[name]) for name, t in teacher.state_dict().items())
    assert all(p.grad is None for p in teacher.parameters())
    kept = sum(name.startswith("net/") for name in learner.tensors())
    assert kept == len(net.state_dict())  # a checkpoint holds no teacher


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, torch.tensor([3.0, 1.0, 0.25])])
def test_half_precision_logits_have_a_float32_loss(smoothing, weights):
    """Equal logits, equal loss; log_softmax in bfloat16 would have 3 digits."""
    logits, labels = torch.tensor(LOGITS).to(torch.bfloat16), torch.tensor(LABELS)
    objective = Objective(Recipe(label_smoothing=smoothing), weights)
    answers = logits.flip(0)

    def losses(ours, theirs):
        whole = objective(nn.Identity(), ours, labels, None)
        return whole, distillation_loss(ours, theirs, 2.0)

    expected = losses(logits.float(), answers.float())
    with torch.autocast("cpu", torch.bfloat16):
        found = losses(logits, answers)
    assert [one.dtype for one in found] == [torch.float32] * 2
    assert [one.item() for one in found] == [one.item() for one in expected]
