"""Opening models, and refusing what is none."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from convatlas import device
from convatlas.errors import UserError
from tests.device import onnx_models


def images(n: int = 2, side: int = 8) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((n, 3, side, side)).astype(np.float32)


def external(tensor: onnx.TensorProto, location: str) -> onnx.TensorProto:
    """The tensor with its data moved to the file `location`."""
    moved = TensorProto()
    moved.CopyFrom(tensor)
    moved.ClearField("raw_data")
    moved.data_location = TensorProto.EXTERNAL
    moved.external_data.add(key="location", value=location)
    return moved


def test_onnx_runtime_gives_what_numpy_gives(tmp_path: Path) -> None:
    proto = onnx_models.model()
    path = tmp_path / "\u725b a.onnx"
    path.write_bytes(proto.SerializeToString())
    for model in (path, path.read_bytes()):
        session = device.open_runtime(model)
        for n in (1, 3):
            expected = onnx_models.reference(images(n), proto)
            np.testing.assert_allclose(session(images(n)), expected, atol=1e-5)
        assert (session.runtime, session.threads, session.dtype) == ("onnxruntime", 1, "float32")
        assert set(session.versions) == {"onnxruntime", "numpy"}


def test_torch_runs_the_net_itself() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    session = device.open_runtime(net, runtime="torch", threads=2)
    assert not net.training
    with torch.no_grad():
        expected = net(torch.from_numpy(images())).numpy()
    np.testing.assert_allclose(session(images()), expected, atol=1e-6)
    assert session.threads == 2


def test_runtimes_are_listed_and_picked() -> None:
    assert device.runtimes() == ("onnxruntime", "torch")
    assert device.pick_runtime() == "onnxruntime"
    assert device.pick_runtime("torch") == "torch"
    with pytest.raises(UserError, match=r"No runtime named 'tvm'\. Allowed: auto, onnxruntime"):
        device.pick_runtime("tvm")


def test_a_runtime_that_is_not_installed_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convatlas.device._runtime.find_spec", lambda name: name == "torch" or None)
    assert device.runtimes() == ("torch",)
    assert device.pick_runtime() == "torch"
    with pytest.raises(UserError, match=r"pip install 'convatlas\[export\]'"):
        device.open_runtime(onnx_models.content())


@pytest.mark.parametrize(
    "content", [b"", b"hello", bytes(100), onnx_models.content()[:80], b"<html></html>"]
)
def test_what_is_not_onnx_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.onnx' is not an ONNX file"):
        device.open_runtime(path)
    with pytest.raises(UserError, match="The given model is not an ONNX file"):
        device.open_runtime(content)


def test_what_is_not_there_or_not_for_the_runtime_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.onnx' does not exist"):
        device.open_runtime(tmp_path / "none.onnx")
    with pytest.raises(UserError, match="is not a file"):
        device.open_runtime(tmp_path)
    with pytest.raises(UserError, match="'torch' runs a net, not a bytes"):
        device.open_runtime(b"", runtime="torch")
    with pytest.raises(UserError, match="'onnxruntime' runs an ONNX file, not a Identity"):
        device.open_runtime(nn.Identity())
    with pytest.raises(UserError, match="threads=0; it must be 1 to"):
        device.open_runtime(onnx_models.content(), threads=0)


def test_weights_in_other_files_are_refused_wherever_they_hide(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(10_000))
    outside = external(numpy_helper.from_array(np.zeros((4, 3, 3, 3), np.float32), "w0"), "w.bin")
    initializer = onnx_models.model()
    initializer.graph.initializer[0].CopyFrom(outside)
    sparse = onnx_models.model()
    sparse.graph.sparse_initializer.add().values.CopyFrom(outside)
    attribute = onnx_models.model()
    attribute.graph.node.append(helper.make_node("Constant", [], ["c"], value=outside))
    subgraph = onnx_models.model()
    branch = helper.make_graph([], "branch", [], [], [outside])
    subgraph.graph.node.append(helper.make_node("If", ["c"], ["d"], then_branch=branch))
    function = onnx_models.model()
    node = helper.make_node("Constant", [], ["c"], value=outside)
    opsets = [helper.make_opsetid("", 18)]
    function.functions.append(helper.make_function("d", "f", [], ["c"], [node], opsets))
    for proto in (initializer, sparse, attribute, subgraph, function):
        path = tmp_path / "a.onnx"
        path.write_bytes(proto.SerializeToString())
        for refused in (
            lambda path=path: device.open_runtime(path),
            lambda path=path: device.onnx_shape(path),
            lambda path=path: device.measure_memory(path, (3, 8, 8)),
        ):
            with pytest.raises(UserError, match=r"a\.onnx' keeps weights in other files"):
                refused()


def test_a_graph_that_cannot_run_says_why(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    proto = onnx_models.model()
    proto.graph.node[0].op_type = "Cow"
    path = tmp_path / "a.onnx"
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(UserError, match=r"a\.onnx' cannot be run by onnxruntime: .*Cow"):
        device.open_runtime(path)
    assert capfd.readouterr().err == ""
    double = onnx_models.model()
    double.graph.output.append(double.graph.output[0])
    double.graph.output[1].name = "x0"
    double.graph.output[1].type.tensor_type.ClearField("shape")
    with pytest.raises(UserError, match="gives 2 outputs"):
        device.open_runtime(double.SerializeToString())


def test_images_of_another_shape_are_told_apart() -> None:
    session = device.open_runtime(onnx_models.content())
    with pytest.raises(UserError, match=r"takes \['n', 3, 8, 8\].* given \[2, 3, 9, 9\]"):
        session(images(side=9))


def test_the_input_shape_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(onnx_models.content(channels=1, side=28))
    assert device.onnx_shape(path) == (1, 28, 28)
    proto = onnx_models.model()
    proto.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "h"
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(UserError, match=r"images .* of one size"):
        device.onnx_shape(path)


def test_damaged_models_are_refused_or_run() -> None:
    original = onnx_models.content()
    generator = np.random.default_rng(0)
    refusals = 0
    for _ in range(150):
        harmed = bytearray(original[: generator.integers(len(original) // 2, len(original) + 1)])
        for place in generator.integers(0, min(len(harmed), 400), 3):
            harmed[place] = generator.integers(256)
        try:
            device.open_runtime(bytes(harmed))
        except UserError:
            refusals += 1
    assert refusals > 75
