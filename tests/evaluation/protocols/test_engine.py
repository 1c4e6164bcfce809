"""What the engine promises beside the numbers: one decode, batches, whole results, refusals."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from convatlas.data import Undecodable
from convatlas.errors import UserError
from convatlas.evaluation import evaluation_of, plan, score, score_all
from convatlas.evaluation.protocols import parse
from tests.evaluation.protocols import reference as long_way
from tests.evaluation.protocols.photos import Album, made_photos, photo
from tests.evaluation.protocols.test_scores import OWN, SIDE, model

NET = model(long_way.small_net(SIDE))


def spied(calls):
    """The model, every call of its predictor noted."""

    def predict(images):
        calls.append(images.shape)
        assert images.dtype == np.float32
        return NET.predict(images)

    return replace(NET, predict=predict)


def test_views_of_several_images_share_a_batch():
    calls = []
    album = Album(made_photos(7))
    score_all(spied(calls), album, parse("ten_crop + multi_crop(40, 48)"), batch=32)
    assert [shape[0] for shape in calls] == [32] * 24 + [2]  # 7 * (10 + 100) views
    assert album.decoded == [1] * 7


def test_larger_views_come_in_smaller_batches():
    calls = []
    dense = spied(calls)
    dense = replace(dense, class_map=lambda x: calls.append(x.shape) or NET.class_map(x))
    score_all(dense, Album([photo(64, 64)] * 9), parse("dense(64)"), batch=16)
    assert calls == [(4, 3, 64, 64)] * 4 + [(2, 3, 64, 64)]


def test_images_of_different_shapes_wait_for_each_other(monkeypatch):
    calls = []
    spy = replace(NET, class_map=lambda x: calls.append(x.shape) or NET.class_map(x))
    images = [photo(64, 48), photo(48, 64), photo(64, 48, 1), photo(48, 64, 1)]
    whole = score_all(spy, Album(images), parse("dense(40)")).probabilities
    assert calls == [(4, 3, 40, 53), (4, 3, 53, 40)]
    calls.clear()
    monkeypatch.setattr("convatlas.evaluation._score._MOST_WAITING_BYTES", 1)
    apart = score_all(spy, Album(images), parse("dense(40)")).probabilities
    assert calls == [(2, 3, 40, 53), (2, 3, 53, 40)] * 2
    assert abs(whole - apart).max() < 1e-6


def test_what_was_computed_waits_no_longer(monkeypatch):
    calls = []
    waiting = 40 * SIDE * SIDE * 3
    monkeypatch.setattr("convatlas.evaluation._score._MOST_WAITING_BYTES", waiting)
    score_all(spied(calls), Album(made_photos(20)), parse("ten_crop"), batch=32)
    assert [shape[0] for shape in calls] == [32] * 6 + [8]


@pytest.mark.parametrize("text", ["single_crop", "ten_crop", "dense(36, 44) + ten_crop"])
def test_neither_batch_nor_threads_nor_parts_matter(text):
    album, protocol = Album(made_photos(11)), parse(text)
    whole = score(NET, album, protocol, range(11)).probabilities
    again = score(NET, album, protocol, range(11), threads=3).probabilities
    assert np.array_equal(whole, again)
    small = score(NET, album, protocol, range(11), batch=3).probabilities
    parts = [score(NET, album, protocol, numbers) for numbers in (range(4), range(4, 11))]
    assert abs(whole - small).max() < 1e-6
    assert abs(whole - np.concatenate([part.probabilities for part in parts])).max() < 1e-6
    assert np.concatenate([part.numbers for part in parts]).tolist() == list(range(11))


def test_unreadable_images_are_told_apart():
    images = made_photos(5)
    images[1] = Undecodable("the file is empty (0 bytes)")
    images[4] = Undecodable("no image")
    told = []
    scored = score_all(
        NET, Album(images, np.arange(5)), parse("ten_crop"),
        progress=lambda *step: told.append(step),
    )  # fmt: skip
    assert scored.names == ["photos/0.jpg", "photos/2.jpg", "photos/3.jpg"]
    assert scored.truth.tolist() == [0, 2, 3]
    assert [(lost.name, lost.reason) for lost in scored.unreadable] == [
        ("photos/1.jpg", "the file is empty (0 bytes)"), ("photos/4.jpg", "no image"),
    ]  # fmt: skip
    plain = score_all(NET, Album([images[i] for i in (0, 2, 3)]), parse("ten_crop"))
    assert np.array_equal(scored.probabilities, plain.probabilities)
    assert told == [("scoring images", done, 5) for done in range(1, 6)]
    part = score(NET, Album(images), parse("ten_crop"), range(2, 5))
    assert part.numbers.tolist() == [2, 3]
    assert part.unreadable == ((4, "no image"),)


def test_no_images():
    nothing = score(NET, Album([]), parse("ten_crop"), [])
    assert nothing.probabilities.shape == (0, 7)


def test_protocol_and_preprocessing_are_recorded():
    album = Album(made_photos(2))
    scored = score_all(NET, album, parse("flip(single_crop) + dense"))
    assert scored.protocol == (
        "flip(single_crop(resize=37, crop=32, interpolation=bilinear)) + dense(37, "
        "interpolation=bilinear) on rgb pixels, mean 0.485 0.456 0.406, std 0.229 0.224 0.225 (own)"
    )
    caffe = score_all(NET.with_preset("caffe"), album, parse("single_crop"))
    assert caffe.protocol == (
        "single_crop(resize=37, crop=32, interpolation=bilinear) on bgr pixels 0..255, "
        "mean 103.939 116.779 123.68 (caffe)"
    )
    recorded = plan(parse("ten_crop(average=logits)"), NET).protocol
    assert parse(str(recorded)) == recorded
    assert plan(recorded, NET).protocol == recorded


def test_scores_become_an_evaluation():
    album = Album(made_photos(6), np.arange(6))
    found = evaluation_of(score_all(NET, album, parse("ten_crop")))
    assert found.n == 6
    assert found.protocol.startswith("ten_crop(resize=37")


def test_an_average_of_logits_is_not_one_of_probabilities():
    album = Album(made_photos(3))
    rows = {t: score_all(NET, album, parse(t)).probabilities
            for t in ("ten_crop", "ten_crop(average=logits)")}  # fmt: skip
    assert abs(rows["ten_crop"] - rows["ten_crop(average=logits)"]).max() > 1e-2


def test_one_size_by_two_interpolations():
    album = Album(made_photos(3))
    both, bilinear, bicubic = (
        score_all(NET, album, parse(text)).probabilities
        for text in ("single_crop + single_crop(interpolation=bicubic)", "single_crop",
                     "single_crop(interpolation=bicubic)")
    )  # fmt: skip
    assert abs(bilinear - bicubic).max() > 1e-3
    assert abs(both - (bilinear + bicubic) / 2).max() < 1e-6


def refused(one, text, images=None):
    with pytest.raises(UserError) as caught:
        score_all(one, Album(images or made_photos(3)), parse(text))
    return str(caught.value)


def test_what_a_model_cannot_do_is_said():
    one_size = replace(NET, one_size=True, class_map=None)
    message = refused(one_size, "dense(40) + ten_crop")
    assert "'small' cannot be scored by 'dense(40, interpolation=bilinear)'" in message
    assert "Give its bundle, or use multi_crop" in message
    assert "takes images of 32 x 32 only" in refused(one_size, "single_crop(crop=40)")
    assert len(score_all(one_size, Album(made_photos(2)), parse("multi_crop"))) == 2
    message = refused(NET, "single_crop(crop=40)")
    assert "'small' was made for 32 x 32 and cannot take crops of 40 x 40" in message
    assert "does not fit 'small'" in refused(NET, "dense(20)")
    assert "2,147,483,648 bytes" in refused(NET, "multi_crop(4000, crop=4000, grid=32)")


def test_broken_outputs_are_refused_with_the_images_name():
    def third_is_broken(images):
        logits = NET.predict(images)
        logits[22] = np.nan  # ten views of each
        return logits

    message = refused(replace(NET, predict=third_is_broken), "ten_crop")
    assert "'photos/2.jpg' are not finite" in message
    message = refused(replace(NET, predict=lambda x: NET.predict(x)[:, :3]), "ten_crop")
    assert "outputs of shape (30, 3) for 30 inputs and 7 classes" in message


def test_labels_outside_the_classes_are_refused():
    with pytest.raises(UserError, match=r"'photos/1.jpg' has label 7, but there are 7 classes"):
        score_all(NET, Album(made_photos(2), np.array([0, 7])), parse("single_crop"))


def test_an_error_of_the_net_at_its_own_size_is_not_hidden():
    def fails(images):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        score_all(replace(NET, predict=fails), Album(made_photos(1)), parse("single_crop"))


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_grey_images_equal_their_colour_copies(mode):
    grey = [image.convert("L") for image in made_photos(3)]
    plain = score_all(NET, Album([image.convert("RGB") for image in grey]), parse("ten_crop"))
    found = score_all(NET, Album([image.convert(mode) for image in grey]), parse("ten_crop"))
    assert np.array_equal(found.probabilities, plain.probabilities)


def test_blue_first_is_the_net_with_its_first_layer_turned_round():
    net = long_way.small_net(SIDE)
    turned = long_way.small_net(SIDE)
    with torch.no_grad():
        turned.stem[0].weight.copy_(net.stem[0].weight.flip(1))
    album = Album(made_photos(4))
    bgr = replace(OWN, mean=OWN.mean[::-1], std=OWN.std[::-1], channel_order="bgr")
    one = score_all(model(net), album, parse("ten_crop")).probabilities
    other = score_all(model(turned, bgr), album, parse("ten_crop")).probabilities
    assert abs(one - other).max() < 1e-5
