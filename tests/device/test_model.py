"""Opening a model from a bundle or an ONNX file, however hostile what the file says of itself."""

import json

import numpy as np
import onnx
import pytest

from convatlas import bundle
from convatlas.deployment import METADATA_KEY
from convatlas.device import Model, open_model, ship
from convatlas.errors import UserError
from tests.bundle.forge import written
from tests.device import onnx_models

DESCRIBED = {
    "name": "tiny on cows",
    "classes": ["a", "b", "c", "d", "e"],
    "preprocessing": {"side": 8, "channels": 3, "mean": [0.5] * 3, "std": [0.25] * 3},
}
ABSENT = object()


def described(**changes):
    return json.dumps({k: v for k, v in {**DESCRIBED, **changes}.items() if v is not ABSENT})


def prepared(**changes):
    fields = {**DESCRIBED["preprocessing"], **changes}
    return described(preprocessing={k: v for k, v in fields.items() if v is not ABSENT})


def stored(path, text, proto=None):
    """The tiny ONNX model in a file that says `text` of itself."""
    proto = onnx_models.model() if proto is None else proto
    if text is not None:
        proto.metadata_props.add(key=METADATA_KEY, value=text)
    path.write_bytes(proto.SerializeToString())
    return path


def test_an_onnx_file_is_enough(tmp_path):
    model = open_model(stored(tmp_path / "tiny.onnx", described()))
    assert model.name == "tiny on cows"
    assert model.classes == ("a", "b", "c", "d", "e")
    assert model.shape == (3, 8, 8)
    assert model.preprocessing.crop_share == 1.0
    images = np.random.default_rng(0).standard_normal((4, 3, 8, 8)).astype(np.float32)
    logits = onnx_models.reference(images.astype(np.float64), onnx_models.model())
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.probabilities(images), shares, atol=1e-5)


def test_fields_of_a_later_version_are_left_alone(tmp_path):
    assert open_model(stored(tmp_path / "tiny.onnx", described(colour="blue"))).shape == (3, 8, 8)


def test_a_bundle_and_its_file_are_the_same_model(tmp_path):
    loaded = bundle.load(written(tmp_path))
    ship(loaded.net, loaded.info, tmp_path / "x.onnx")
    first, second = open_model(loaded.path), open_model(tmp_path / "x.onnx")
    assert (first.name, first.classes) == (second.name, second.classes)
    assert first.preprocessing == second.preprocessing == loaded.preprocessing
    images = np.random.default_rng(0).standard_normal((3, *first.shape)).astype(np.float32)
    np.testing.assert_allclose(
        first.probabilities(images), second.probabilities(images), rtol=0, atol=1e-5
    )


HOSTILE = {
    "nothing": (None, "does not say its classes"),
    "empty": ("", "Invalid JSON"),
    "not JSON": ("pickle", "Invalid JSON"),
    "a list": ("[]", "should be an object"),
    "null": ("null", "should be an object"),
    "deep": ("[" * 1_000_000, "recursion limit"),
    "half": (described()[:-9], "Invalid JSON"),
    "a lone surrogate": ('{"name": "\\ud800"}', "Invalid JSON"),
    "long digits": ("1" * 5_000, "Invalid JSON"),
    "no name": (described(name=ABSENT), "name"),
    "no classes": (described(classes=ABSENT), "classes"),
    "no preprocessing": (described(preprocessing=ABSENT), "preprocessing"),
    "number as name": (described(name=7), "name"),
    "empty name": (described(name=""), "name"),
    "long name": (described(name="n" * 1_001), "name"),
    "text as classes": (described(classes="abcde"), "classes"),
    "empty classes": (described(classes=[]), "classes"),
    "numbers as classes": (described(classes=[1, 2, 3, 4, 5]), "classes.0"),
    "a class twice": (described(classes=["a", "b", "c", "d", "a"]), "listed twice"),
    "many classes": (described(classes=[f"{i:x}" for i in range(200_000)]), "100000"),
    "a million classes": (described(classes=[str(i) for i in range(10**6)]), "8,388,608"),
    "fewer classes": (described(classes=["a", "b"]), "names 2 classes"),
    "more classes": (described(classes=list("abcdef")), "names 6 classes"),
    "large": (described(more="x" * (8 << 20)), "8,388,608"),
    "a list as preprocessing": (described(preprocessing=[8, 3]), "preprocessing"),
    "no side": (prepared(side=ABSENT), "preprocessing.side"),
    "side as text": (prepared(side="8"), "preprocessing.side"),
    "side as float": (prepared(side=8.5), "preprocessing.side"),
    "side true": (prepared(side=True), "preprocessing.side"),
    "side 0": (prepared(side=0), "preprocessing.side"),
    "huge side": (prepared(side=10**30), "preprocessing.side"),
    "large side": (prepared(side=100_000), "side=100000"),
    "other side": (prepared(side=9), "takes images of 3x8x8"),
    "other channels": (prepared(channels=1, mean=[0.5], std=[0.5]), "made as 1x8x8"),
    "two channels": (prepared(channels=2), "preprocessing.channels"),
    "channels in a list": (prepared(channels=[3]), "preprocessing.channels"),
    "one mean": (prepared(mean=[0.5]), "mean"),
    "text as mean": (prepared(mean="abc"), "preprocessing.mean"),
    "mean as dict": (prepared(mean={"r": 1}), "preprocessing.mean"),
    "nan mean": (prepared(mean=[float("nan")] * 3), "preprocessing.mean.0"),
    "mean beyond floats": (prepared(mean=[10**400] * 3), "preprocessing.mean.0"),
    "std 0": (prepared(std=[0.0] * 3), "std"),
    "crop share 2": (prepared(crop_share=2.0), "crop_share"),
    "crop share beyond floats": (prepared(crop_share=10**400), "preprocessing.crop_share"),
    "crop share tiny": (prepared(crop_share=1e-300), "side"),
    "unknown field": (prepared(gamma=2.2), "preprocessing.gamma"),
}


@pytest.mark.parametrize(("text", "words"), HOSTILE.values(), ids=HOSTILE)
def test_what_a_hostile_file_says_is_refused(tmp_path, text, words):
    path = stored(tmp_path / "hostile.onnx", text)
    with pytest.raises(UserError) as caught:
        open_model(path)
    message = str(caught.value)
    assert repr(str(path)) in message
    assert words in message
    assert "xport" in message  # what to do
    assert len(message) < 800


def _output_of_another_kind(operator, kind, shape):
    proto = onnx_models.model()
    value = onnx.helper.make_tensor_value_info("other", kind, shape)
    options = {"to": kind} if operator == "Cast" else {}
    proto.graph.node.append(onnx.helper.make_node(operator, ["logits"], ["other"], **options))
    del proto.graph.output[:]
    proto.graph.output.append(value)
    return proto


@pytest.mark.parametrize(
    ("operator", "kind", "shape", "words"),
    [
        ("Cast", onnx.TensorProto.INT64, ["n", 5], "int64 (1, 5)"),
        ("Cast", onnx.TensorProto.STRING, ["n", 5], "object (1, 5)"),
        ("Transpose", onnx.TensorProto.FLOAT, [5, "n"], "float32 (5, 1)"),
        ("SequenceConstruct", None, None, "a list"),
    ],
)
def test_outputs_that_are_no_logits_are_refused(tmp_path, operator, kind, shape, words):
    if kind is None:
        proto = _output_of_another_kind(operator, onnx.TensorProto.FLOAT, ["n", 5])
        del proto.graph.output[:]
        element = onnx.helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, None)
        sequence = onnx.helper.make_sequence_type_proto(element)
        proto.graph.output.append(onnx.helper.make_value_info("other", sequence))
    else:
        proto = _output_of_another_kind(operator, kind, shape)
    path = stored(tmp_path / "other.onnx", described(), proto)
    with pytest.raises(UserError, match=r"names 5 classes, but gives") as caught:
        open_model(path)
    assert words in str(caught.value)


def test_outputs_that_are_not_numbers_are_refused(tmp_path):
    proto = onnx_models.model()
    bias = next(t for t in proto.graph.initializer if t.name == "bias")
    broken = onnx.numpy_helper.from_array(np.full(5, np.nan, np.float32), "bias")
    bias.CopyFrom(broken)
    model = open_model(stored(tmp_path / "nan.onnx", described(), proto))
    with pytest.raises(UserError, match="'tiny on cows' are not finite"):
        model.probabilities(np.zeros((1, 3, 8, 8), np.float32))


@pytest.mark.parametrize("name", ["nowhere.onnx", "n" * 5_000, "nowhere/x.bundle"])
def test_what_is_not_there_is_named(tmp_path, name):
    with pytest.raises(UserError, match=r"Give a \.bundle directory or an \.onnx file") as caught:
        open_model(tmp_path / name)
    assert name in str(caught.value)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "cat.jpg").write_bytes(b"\xff\xd8\xff\xe0 no graph")
    with pytest.raises(UserError, match=r"cat\.jpg' is not an ONNX file"):
        open_model(tmp_path / "cat.jpg")
    with pytest.raises(UserError, match="is not a bundle"):
        open_model(tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(UserError, match="is not a file"):
        open_model(tmp_path / "pipe.onnx")


def test_probabilities_of_large_logits_sum_to_one():
    model = Model(
        name="x",
        predict=lambda images: np.array([[1e4, 1e4, -1e4]] * len(images), np.float32),
        classes=("a", "b", "c"),
        preprocessing=None,
    )
    np.testing.assert_allclose(model.probabilities(np.zeros((2, 1, 1, 1))), [[0.5, 0.5, 0]] * 2)
