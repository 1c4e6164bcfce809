"""Mixup and cutmix: what becomes of the pixels, and by which shares the labels count."""

from collections import Counter

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from convatlas.training import Recipe
from convatlas.training._mixing import _pasted, mixed
from convatlas.training._objective import Objective

N, SIDE = 6, 8
LABELS = torch.arange(N)  # so that `others` says whose pixels were taken


def noise(n=N, side=SIDE):
    return torch.randn(n, 3, side, side, generator=torch.Generator().manual_seed(0))


def plain(n=N, side=SIDE):
    """Image i holds the number i."""
    return torch.arange(n).view(n, 1, 1, 1).expand(n, 3, side, side).float()


def many(recipe, images, count=400):
    return [mixed(images, LABELS, recipe, seed=(0, 0, step)) for step in range(count)]


def test_without_alphas_a_batch_is_left_as_it_is():
    assert mixed(noise(), LABELS, Recipe(), seed=(0, 0, 0)) is None


def test_mixup_by_hand():
    images = noise()
    for mix in many(Recipe(mixup=0.4), images, 20):
        assert mix.labels is LABELS
        assert sorted(mix.others.tolist()) == list(range(N))
        assert 0 <= mix.share <= 1
        expected = mix.share * images + (1 - mix.share) * images[mix.others]
        assert torch.allclose(mix.images, expected, atol=1e-6)  # one rounding more or less


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_mixup_s_shares_are_beta_distributed(alpha):
    shares = np.array([mix.share for mix in many(Recipe(mixup=alpha), noise(2, 1), 2000)])
    variance = 1 / (4 * (2 * alpha + 1))  # of Beta(alpha, alpha), whose mean is 1/2
    error = (variance / 2000) ** 0.5
    assert abs(shares.mean() - 0.5) < 4 * error
    assert shares.var() == pytest.approx(variance, rel=0.1)  # four times its own error at least


def test_cutmix_pastes_one_box_and_counts_its_pixels():
    images = plain()
    clipped = 0
    for mix in many(Recipe(cutmix=1.0), images):
        foreign = mix.images != images  # True where another image's number is
        moved = mix.others != LABELS
        if not moved.any():
            continue
        box = foreign[moved][0, 0]
        assert (foreign[moved] == box).all()  # the same box everywhere, in every channel
        assert not foreign[~moved].any()
        rows, columns = box.any(1).nonzero().flatten(), box.any(0).nonzero().flatten()
        assert box.sum() == len(rows) * len(columns)  # full
        if len(rows):
            assert rows.tolist() == list(range(int(rows[0]), int(rows[-1]) + 1))
            assert columns.tolist() == list(range(int(columns[0]), int(columns[-1]) + 1))
        expected = torch.where(box, plain()[mix.others], plain())
        assert torch.equal(mix.images, expected)
        assert mix.share == 1 - int(box.sum()) / SIDE**2
        clipped += len(rows) != len(columns)
    assert clipped > 50  # at a border the box is cut, and the share is of what is left of it


class Places:
    """Gives the middle of the box, row then column."""

    def __init__(self, *places):
        self.places = iter(places)

    def integers(self, high):
        return next(self.places)


@pytest.mark.parametrize(
    ("share", "middle", "rows", "columns"),
    [
        (0.75, (4, 4), (2, 6), (2, 6)),  # a quarter of the pixels: 4 x 4 of 8 x 8
        (0.75, (0, 7), (0, 2), (5, 8)),  # 2 x 3 are left at the corner
        (0.0, (4, 4), (0, 8), (0, 8)),  # everything
        (1.0, (4, 4), (4, 4), (4, 4)),  # nothing
        (0.4, (1, 6), (0, 4), (3, 8)),  # int(8 sqrt(0.6)) = 6: half of it to each side
    ],
)
def test_the_box_by_hand(share, middle, rows, columns):
    images, others = torch.zeros(2, 1, 8, 8), torch.ones(2, 1, 8, 8)
    made, stays = _pasted(images, others, share, Places(*middle))
    expected = torch.zeros(8, 8)
    expected[slice(*rows), slice(*columns)] = 1
    assert (made == expected).all()
    assert stays == pytest.approx(1 - float(expected.mean()))
    assert not images.any()  # the batch itself is left alone


def test_a_box_of_a_wide_image_has_its_shape():
    made, stays = _pasted(torch.zeros(1, 1, 4, 16), torch.ones(1, 1, 4, 16), 0.75, Places(2, 8))
    assert made[0, 0].any(1).sum() == 2
    assert made[0, 0].any(0).sum() == 8
    assert stays == 0.75


def test_with_both_each_step_takes_one_of_them():
    images = plain()
    whole = [mix for mix in many(Recipe(mixup=1.0, cutmix=1.0), images) if mix is not None]
    kinds = Counter()
    for mix in whole:
        between = (mix.images % 1 != 0).any()  # mixup gives numbers between, cutmix never
        kinds["mixup" if between else "cutmix or nothing to see"] += 1
    assert len(whole) == 400
    assert 160 < kinds["mixup"] < 240  # 200 +- 4 x 10


def test_a_step_s_mixing_follows_from_its_place_alone():
    recipe = Recipe(mixup=0.3, cutmix=1.0)
    torch.manual_seed(1)
    first = mixed(noise(), LABELS, recipe, seed=(3, 0, 17))
    torch.rand(99)
    np.random.default_rng().random()
    again = mixed(noise(), LABELS, recipe, seed=(3, 0, 17))
    assert torch.equal(first.images, again.images)
    assert (first.share, first.others.tolist()) == (again.share, again.others.tolist())
    shares = {
        mixed(noise(), LABELS, Recipe(mixup=1.0), seed=(seed, rank, step)).share
        for seed in range(3)
        for rank in range(3)
        for step in range(3)
    }
    assert len(shares) == 27


def test_the_memory_order_stays():
    images = noise().to(memory_format=torch.channels_last)
    for recipe in (Recipe(mixup=1.0), Recipe(cutmix=1.0)):
        made = mixed(images, LABELS, recipe, seed=(0, 0, 0)).images
        assert made.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_the_loss_of_a_mixed_batch_is_that_of_mixed_labels(kind):
    """lambda CE(a) + (1 - lambda) CE(b) is the cross-entropy with the labels mixed: mixup Eq. 1."""
    recipe = Recipe(**{kind: 1.0}, label_smoothing=0.1)
    mix = mixed(noise(), LABELS, recipe, seed=(0, 0, 5))
    assert 0.05 < mix.share < 0.95
    logits = torch.randn(N, N, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    net = torch.nn.Identity()
    found = Objective(recipe)(net, logits, LABELS, mix)
    targets = mix.share * F.one_hot(mix.labels, N) + (1 - mix.share) * F.one_hot(mix.others, N)
    targets = 0.9 * targets + 0.1 / N
    expected = -(targets * logits.log_softmax(1)).sum(1).mean()
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
