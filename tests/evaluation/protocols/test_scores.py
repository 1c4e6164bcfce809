"""Protocol scores against the long way: the papers' crops, one call of the net for each."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from convatlas.data import Preprocessing
from convatlas.evaluation import ScoringModel, class_map_of, predictor_of, score_all
from convatlas.evaluation.protocols import parse
from tests.evaluation.protocols import reference as long_way
from tests.evaluation.protocols.photos import Album, made_photos, real_photos

MEAN, STD = np.array((0.485, 0.456, 0.406)), np.array((0.229, 0.224, 0.225))
SIDE = 32
OWN = Preprocessing(
    side=SIDE, channels=3, mean=tuple(MEAN.tolist()), std=tuple(STD.tolist()), crop_share=32 / 37
)


def of(crops):
    return lambda net, image: long_way.mean_of_probabilities(net, crops(image), MEAN, STD)


def dense(sizes, reduce=np.mean):
    return lambda net, image: long_way.dense(net, image, sizes, SIDE, MEAN, STD, reduce)


def mean(*ways):
    return lambda net, image: np.mean([way(net, image) for way in ways], axis=0)


CASES = {
    "single_crop": of(lambda i: long_way.single(i, 37, 32)),
    "single_crop(resize=48)": of(lambda i: long_way.single(i, 48, 32)),
    "flip(single_crop)": of(lambda i: long_way.mirrored(long_way.single(i, 37, 32))),
    "ten_crop": of(lambda i: long_way.ten(i, 37, 32)),
    "ten_crop(40, area=whole)": of(lambda i: long_way.ten(i, 40, 32, "whole")),
    "ten_crop(average=logits)": lambda net, i: long_way.mean_of_logits(
        net, long_way.ten(i, 37, 32), MEAN, STD
    ),
    "multi_crop(40)": of(lambda i: long_way.vgg(i, (40,), 32)),
    "multi_crop(36, 48, 60)": of(lambda i: long_way.vgg(i, (36, 48, 60), 32)),
    "multi_crop": of(lambda i: long_way.vgg(i, (37, 55, 73), 32)),
    "inception_crops": of(lambda i: long_way.googlenet(i, (37, 41, 46, 50), 32)),
    "multi_scale(ten_crop, 36, 45)": of(
        lambda i: long_way.ten(i, 36, 32) + long_way.ten(i, 45, 32)
    ),
    "dense(40)": dense((40,)),
    "dense(36, 44, 52)": dense((36, 44, 52)),
    "dense(40, reduce=max)": dense((40,), np.max),
    "dense(36, 44) + multi_crop(36, 44)": mean(
        dense((36, 44)), of(lambda i: long_way.vgg(i, (36, 44), 32))
    ),
    "flip(single_crop) + ten_crop + multi_scale(ten_crop, 36, 45)": mean(
        of(lambda i: long_way.mirrored(long_way.single(i, 37, 32))),
        of(lambda i: long_way.ten(i, 37, 32)),
        of(lambda i: long_way.ten(i, 36, 32) + long_way.ten(i, 45, 32)),
    ),
}


def model(net, own=OWN):
    return ScoringModel(
        name="small", classes=tuple("abcdefg"), preprocessing=own, predict=predictor_of(net),
        class_map=class_map_of(net, (3, SIDE, SIDE)),
    )  # fmt: skip


def check(text, images, batch):
    net = long_way.small_net(SIDE)
    album = Album(images)
    scored = score_all(model(net), album, parse(text), batch=batch)
    slow = np.stack([CASES[text](net, image) for image in images])
    assert len(scored) == len(images)
    assert abs(scored.probabilities - slow).max() < 1e-5
    assert abs(scored.probabilities.sum(axis=1) - 1).max() < 1e-6
    assert album.decoded == [1] * len(images)
    return slow


@pytest.mark.parametrize("text", CASES)
def test_equals_the_long_way(text):
    check(text, made_photos(3), batch=16)


@pytest.mark.slow
@pytest.mark.parametrize("text", CASES)
def test_equals_the_long_way_on_50_photographs(text):
    check(text, real_photos(50), batch=64)


def test_protocols_differ_enough_to_be_told_apart():
    small, album = model(long_way.small_net(SIDE)), Album(made_photos(6))
    answers = [score_all(small, album, parse(text)).probabilities for text in CASES]
    for i, one in enumerate(answers):
        for other in answers[:i]:
            assert abs(one - other).max() > 1e-3


def test_larger_crop_than_in_training():
    """He et al., ECCV 2016, Table 5: trained at 224, tested on 320 x 320 of side 320."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(), torch.nn.Linear(8, 7),
    ).eval()  # fmt: skip
    images = made_photos(4)
    scored = score_all(
        replace(model(long_way.small_net()), predict=predictor_of(net)),
        Album(images), parse("single_crop(resize=46, crop=46)"),
    )  # fmt: skip
    slow = [
        long_way.mean_of_probabilities(net, long_way.single(image, 46, 46), MEAN, STD)
        for image in images
    ]
    assert abs(scored.probabilities - np.stack(slow)).max() < 1e-5
