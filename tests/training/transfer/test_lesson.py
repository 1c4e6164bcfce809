"""A training that starts from another net, or learns from one: from images to a bundle."""

import json
from dataclasses import replace

import pytest
import torch

from convatlas import bundle
from convatlas.errors import UserError
from convatlas.training import Lesson, teach
from tests.cli.run import convatlas
from tests.data.images import write_folder
from tests.foreign.files import pth, their_state
from tests.training.transfer.made import write_bundle

NET = "resnet8_small"
MEAN, STD = (0.11, 0.22, 0.33), (0.44, 0.55, 0.66)


class Stopped:
    """Progress that is interrupted after `step` steps, like Ctrl-C there."""

    def __init__(self, step=None):
        self.step = step

    def __call__(self, phase, done, total):
        if phase == "training" and done == self.step:
            raise KeyboardInterrupt


def run(lesson, out, said=None, step=None):
    return teach(lesson, out, progress=Stopped(step), say=([] if said is None else said).append)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("x") / "insects", {"ant": 20, "bee": 20})


@pytest.fixture(scope="module")
def donated(tmp_path_factory):
    return write_bundle(
        tmp_path_factory.mktemp("donor") / "first.bundle",
        NET, classes=("cat", "dog", "eel"), side=12, mean=MEAN, std=STD, width_multiplier=0.25,
    )  # fmt: skip


@pytest.fixture(scope="module")
def lesson(root, donated):
    return Lesson(
        data=str(root),
        variant=NET,
        start=str(donated),
        width=0.25,
        steps=6,
        batch_size=8,
        threads=1,
    )


@pytest.fixture(scope="module")
def whole(lesson, tmp_path_factory):
    out, said = tmp_path_factory.mktemp("whole"), []
    return out, run(lesson, out, said), said


def weights(out):
    return (out / f"{NET}.bundle" / "weights.safetensors").read_bytes()


def test_the_bundle_names_its_start_by_sha256_and_keeps_its_history(whole, donated):
    out, result, _ = whole
    info = bundle.load(out / f"{NET}.bundle").info
    row = {
        "step": "start", "from": "first.bundle", "net": NET, "classes": 3,
        "sha256": bundle.load(donated).info.weights_sha256,
    }  # fmt: skip
    assert info.history == [{"step": "made"}, row] == result["history"]
    assert json.loads((out / "given.json").read_bytes()) == info.history
    assert info.classes == ["ant", "bee"]


def test_mean_std_and_side_are_the_starts_and_said(whole):
    out, _, said = whole
    loaded = bundle.load(out / f"{NET}.bundle")
    assert (loaded.preprocessing.mean, loaded.preprocessing.std) == (MEAN, STD)
    assert loaded.preprocessing.side == loaded.info.spec["input_side"] == 12
    text = "\n".join(said)
    assert "first.bundle (resnet8_small): " in text
    assert "the classifier is new: 2 classes instead of its 3" in text
    assert "12 pixels a side, as there; mean 0.11, 0.22, 0.33 and std 0.44, 0.55, 0.66" in text


def test_fine_tune_is_the_recipe_unless_another_is_asked_for(whole, lesson, donated):
    assert whole[1]["recipe"]["name"] == "fine-tune"
    assert any("by recipe fine-tune" in line for line in whole[2])
    assert replace(lesson, recipe="small-data").recipe == "small-data"
    assert replace(lesson, recipe="", graft=True).recipe == "small-data"
    assert replace(lesson, recipe="", start=None).recipe == "small-data"


def test_training_begins_at_the_start(lesson, donated, tmp_path):
    """With a rate of 0 nothing but the running statistics of norms moves."""
    run(replace(lesson, changes={"learning_rate": 0.0, "norms": "frozen"}), tmp_path)
    state = bundle.load(tmp_path / f"{NET}.bundle").net.state_dict()
    theirs = bundle.load(donated).net.state_dict()
    body = [name for name in state if not name.startswith("classifier")]
    assert body
    for name in body:
        torch.testing.assert_close(state[name], theirs[name], rtol=1e-6, atol=1e-7, msg=name)


def test_stopped_anywhere_it_ends_with_the_same_weights(lesson, whole, tmp_path):
    for step in (1, 4):
        with pytest.raises(KeyboardInterrupt):
            run(lesson, tmp_path, step=step)
    run(lesson, tmp_path)
    assert weights(tmp_path) == weights(whole[0])


def test_another_start_in_the_same_directory_is_refused(lesson, whole, tmp_path):
    other = write_bundle(
        tmp_path / "other.bundle",
        NET, classes=("cat", "dog", "eel"), side=12, mean=MEAN, std=STD, width_multiplier=0.25,
        seed=1,
    )  # fmt: skip
    with pytest.raises(UserError, match=r"holds another training: start is \w+... there"):
        run(replace(lesson, start=str(other)), whole[0])
    with pytest.raises(UserError, match=r"start is .* there, None asked for"):
        run(replace(lesson, start=None, side=12), whole[0])


def test_a_checkpoint_of_another_library(root, tmp_path):
    file = pth(tmp_path / "squeeze.pth", their_state("squeezenet1_1"))
    lesson = Lesson(
        data=str(root), variant="squeezenet_1_1", start=str(file), side=32, steps=1, batch_size=4,
        threads=1,
    )  # fmt: skip
    out = tmp_path / "out"
    run(lesson, out)
    info = bundle.load(out / "squeezenet_1_1.bundle").info
    assert [row["step"] for row in info.history] == ["import", "start"]
    assert info.preprocessing["mean"] == [0.485, 0.456, 0.406]
    assert info.preprocessing["crop_share"] == 0.875


def test_grafting_prints_what_is_taken(root, tmp_path):
    small = {"side": 32, "width_multiplier": 0.0625}
    shallow = write_bundle(tmp_path / "a.bundle", "vgg_a", classes=("cat", "dog"), **small)
    out = tmp_path / "out"
    ran = convatlas(
        "train", str(root), "--net", "vgg_d", "--width", "0.0625", "--from", str(shallow),
        "--graft", "--steps", "2", "--batch", "4", "--threads", "1", "--out", str(out), "--json",
    )  # fmt: skip
    assert "grafted: stages.conv1.conv1.weight, stages.conv1.conv1.bias, stages.conv2" in ran.err
    result = json.loads(ran.out)
    assert result["recipe"]["name"] == "small-data"
    assert result["history"][-1]["net"] == "vgg_a"


def test_a_teacher_is_named_and_moves_the_weights(root, lesson, tmp_path):
    plain = replace(lesson, start=None, recipe="", side=8)
    teacher = write_bundle(
        tmp_path / "wise.bundle", NET, classes=("bee", "ant"), side=12, width_multiplier=0.25
    )
    taught = replace(plain, teacher=str(teacher), changes={"distillation": 0.5, "temperature": 4.0})
    run(plain, tmp_path / "plain")
    result = run(taught, tmp_path / "taught")
    assert weights(tmp_path / "plain") != weights(tmp_path / "taught")
    sha256 = bundle.load(teacher).info.weights_sha256
    assert result["history"] == [
        {"step": "distillation", "teacher": "wise.bundle", "net": NET, "sha256": sha256}
    ]
    write_bundle(
        teacher, NET, classes=("ant", "bee"), side=12, width_multiplier=0.25
    )  # the same weights, the classes the other way round
    with pytest.raises(UserError, match="holds another training: teacher is"):
        run(taught, tmp_path / "taught")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--from", "no/such"], "There is no 'no/such' to start from"),
        (["--from", "hub:a b"], "'hub:a b' is no repository"),
        (["--graft"], "--graft needs a net to take layers from"),
        (["--teacher", "no/such"], "'no/such' does not exist; a bundle is a directory"),
        (["--teacher", "TEACHER"], "recipe 'small-data' has distillation=0"),
        (["--set", "distillation=0.5"], "needs a teacher. Give a bundle with --teacher"),
    ],
)
def test_what_cannot_be_used_is_refused(root, tmp_path, arguments, words):
    teacher = write_bundle(tmp_path / "t.bundle", classes=("ant", "bee"))
    given = [str(teacher) if a == "TEACHER" else a for a in arguments]
    ran = convatlas(
        "train", str(root), "--net", NET, "--steps", "1", "--batch", "4", *given,
        "--out", str(tmp_path / "out"), code=2,
    )  # fmt: skip
    assert words in ran.err


def test_a_dry_run_starts_from_it_too(root, donated, tmp_path):
    ran = convatlas(
        "train", str(root), "--net", NET, "--width", "0.25", "--from", str(donated), "--batch", "8",
        "--dry-run", "--out", str(tmp_path / "out"), "--threads", "1",
    )  # fmt: skip
    assert "fine-tune" in ran.out
    assert "12x12" in ran.out
