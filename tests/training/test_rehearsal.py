"""Real processes that are killed -9 at random moments, with all that a recipe may have at once."""

from dataclasses import replace

import pytest

from convatlas.errors import UserError
from convatlas.training import Lesson, rehearse
from tests.data.images import write_folder

ALL_AT_ONCE = {
    "sampler": "balanced",
    "mixup": 0.2,
    "cutmix": 0.5,
    "micro_batches": 2,
    "gradient_clip": 1.0,
    "class_weights": "effective",
}
PLATEAU = {**ALL_AT_ONCE, "schedule": "plateau", "patience": 1, "validations": 15}
LESSONS = {
    # batch norm, average over all steps, sides that grow, crops from whole images decoded each time
    "rmsprop": {
        **PLATEAU,
        "optimizer": "rmsprop",
        "epsilon": 0.001,
        "average": "uniform",
        "first_side": 0.5,
        "augmentation.crop_area": [0.3, 1.0],
    },
    # dropout, exponential average
    "sgd_inside": {
        **PLATEAU,
        "optimizer": "sgd_inside",
        "average": "ema",
        "nesterov": False,
        "augmentation.trivial_augment": True,
    },
}
NETS = {"rmsprop": "resnet8_small", "sgd_inside": "alexnet_small"}


def lesson(root, name, **changes):
    return Lesson(
        data=str(root), variant=NETS[name], width=0.25, batch_size=16, threads=1, seed=5,
        changes={**LESSONS[name], "learning_rate": 0.01}, **changes,
    )  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    counts = {"ant": 40, "bee": 25, "cat": 15}
    return write_folder(tmp_path_factory.mktemp("data") / "pets", counts, side=40)


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("name", LESSONS)
def test_killed_at_ten_random_moments(root, name):
    """Twenty for the two."""
    found = rehearse(lesson(root, name), steps=60, kills=10, progress=lambda *_: None, seed=1)
    assert len(found.killed_at) == 10
    assert set(found.workers) == {1, 2, 4}
    assert found.killed == found.whole


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_killed_once(root):
    found = rehearse(lesson(root, "rmsprop"), steps=8, kills=1, progress=lambda *_: None)
    assert 0 < found.killed_at[0] < 8
    assert found.equal
    assert set(found.whole) == {"weights", "optimizer", "average", "log", "bundle", "scores"}
    assert len(set(found.whole.values())) == 6
    assert not replace(found, killed={**found.killed, "log": "0"}).equal


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_training_that_fails_is_said(root):
    missing = replace(lesson(root, "rmsprop"), data=str(root / "nowhere"))
    with pytest.raises(UserError, match=r"failed before that; it said: .*nowhere"):
        rehearse(missing, progress=lambda *_: None)
