"""Exporting: proved before it is written."""

import json

import numpy as np
import pytest
import torch

from convatlas import bundle
from convatlas.deployment import METADATA_KEY, read_metadata
from convatlas.device import open_runtime, ship
from convatlas.errors import CheckFailed, UserError
from convatlas.evaluation import predictor_of
from tests.bundle.forge import info_of, net_of, written


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    return bundle.load(written(tmp_path_factory.mktemp("bundle"), "resnet8_small", input_side=16))


def test_the_file_computes_what_the_net_computes(loaded, tmp_path):
    proof = ship(loaded.net, loaded.info, tmp_path / "x.onnx")
    assert proof.agreement == 1.0
    assert proof.relative_difference < 1e-4
    assert proof.n == 72
    images = np.random.default_rng(5).standard_normal((7, 3, 16, 16)).astype(np.float32)
    mine, theirs = predictor_of(loaded.net)(images), open_runtime(tmp_path / "x.onnx")(images)
    assert np.abs(mine - theirs).max() <= 1e-4 * np.abs(mine).max()


def test_the_file_says_what_is_needed_to_use_it(loaded, tmp_path):
    ship(loaded.net, loaded.info, tmp_path / "x.onnx")
    said = json.loads(read_metadata(tmp_path / "x.onnx")[METADATA_KEY])
    assert said["classes"] == loaded.info.classes
    assert said["preprocessing"] == loaded.info.preprocessing
    assert said["name"] == loaded.info.name


def test_equal_on_the_images_given(loaded, tmp_path):
    batches = (np.full((n, 3, 16, 16), n, np.float32) for n in (1, 4))
    assert ship(loaded.net, loaded.info, tmp_path / "x.onnx", images=batches).n == 5


def test_what_does_not_agree_is_not_written(tmp_path):
    net, info = net_of("lenet5_small"), info_of("lenet5_small")
    path = tmp_path / "x.onnx"
    path.write_bytes(b"the one before")
    with torch.no_grad():
        next(net.classifier.parameters()).fill_(float("nan"))
    with pytest.raises(CheckFailed, match=r"differs by inf of the largest logit") as caught:
        ship(net, info, path)
    assert caught.value.exit_code == 1
    assert repr(str(path)) in str(caught.value)
    assert path.read_bytes() == b"the one before"
    assert [file.name for file in tmp_path.iterdir()] == ["x.onnx"]


def test_a_net_in_training_mode_is_exported_as_it_is_used(tmp_path):
    """In training mode batch norm would use the batch; neither side of the comparison does."""
    net, info = net_of("resnet8_small", input_side=16), info_of("resnet8_small", input_side=16)
    images = np.random.default_rng(0).standard_normal((8, 3, 16, 16)).astype(np.float32)
    proof = ship(net.train(), info, tmp_path / "x.onnx", images=[images])
    assert proof.agreement == 1.0


def test_a_place_that_cannot_be_written_is_named(loaded, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"Cannot write '.*x\.onnx'"):
        ship(loaded.net, loaded.info, tmp_path / "file" / "x.onnx")
    with pytest.raises(UserError, match="Is a directory"):
        ship(loaded.net, loaded.info, tmp_path)


def test_no_images_prove_nothing(loaded, tmp_path):
    with pytest.raises(UserError, match="no images to compare"):
        ship(loaded.net, loaded.info, tmp_path / "x.onnx", images=[])
    assert not (tmp_path / "x.onnx").exists()
