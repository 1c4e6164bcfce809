"""What is saved is what is loaded, bit for bit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from convatlas import bundle, models
from convatlas.bundle import BundleInfo
from convatlas.data import Preprocessing
from convatlas.errors import UserError
from tests.bundle.forge import JSON, WEIGHTS, fields_of, info_of, net_of, sign, written

SMALL = models.find("*_small")


@pytest.mark.parametrize("variant", SMALL)
def test_every_small_net_comes_back(tmp_path: Path, variant: str) -> None:
    changes = {"num_classes": 4, "width_multiplier": 0.5}
    net, info = net_of(variant, **changes), info_of(variant, **changes)
    loaded = bundle.load(bundle.save(tmp_path / "a.bundle", net, info))
    spec = models.spec_of(variant, **changes)
    images = torch.randn(2, spec.in_channels, spec.input_side, spec.input_side)
    saved, found = net.state_dict(), loaded.net.state_dict()
    assert list(saved) == list(found)
    assert all(torch.equal(saved[name], found[name]) for name in saved)
    assert not any(module.training for module in loaded.net.modules())
    assert all(parameter.requires_grad for parameter in loaded.net.parameters())
    with torch.no_grad():
        assert torch.equal(loaded.net(images), net.eval()(images))
    assert loaded.path == tmp_path / "a.bundle"
    plain = json.loads(json.dumps(info.model_dump()))
    assert loaded.info.model_dump() == {**plain, "weights_sha256": loaded.info.weights_sha256}
    assert loaded.preprocessing == Preprocessing.from_dict(info.preprocessing)


def test_two_files_that_other_tools_read(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert sorted(file.name for file in path.iterdir()) == [JSON, WEIGHTS]
    weights = load_file(path / WEIGHTS)
    saved = net_of("lenet5_small").state_dict()
    assert set(weights) == set(saved)
    assert all(torch.equal(weights[name], saved[name]) for name in saved)


def test_equal_nets_give_equal_files(tmp_path: Path) -> None:
    paths = [tmp_path / "a.bundle", tmp_path / "b.bundle"]
    net = net_of("resnet8_small")
    bundle.save(paths[0], net, info_of("resnet8_small"))
    bundle.save(paths[1], net.to(memory_format=torch.channels_last), info_of("resnet8_small"))
    for name in (JSON, WEIGHTS):
        assert (paths[0] / name).read_bytes() == (paths[1] / name).read_bytes()


def test_a_loaded_bundle_saves_again_to_the_same_bytes(tmp_path: Path) -> None:
    path = written(tmp_path, "mobilenet_v1_small")
    before = [(path / name).read_bytes() for name in (JSON, WEIGHTS)]
    loaded = bundle.load(path)
    bundle.save(path, loaded.net, loaded.info)
    assert [(path / name).read_bytes() for name in (JSON, WEIGHTS)] == before


def test_a_loaded_net_does_not_depend_on_its_file(tmp_path: Path) -> None:
    path = written(tmp_path)
    loaded = bundle.load(path)
    before = {name: tensor.clone() for name, tensor in loaded.net.state_dict().items()}
    (path / WEIGHTS).write_bytes(bytes((path / WEIGHTS).stat().st_size))
    assert all(torch.equal(before[n], t) for n, t in loaded.net.state_dict().items())
    with torch.no_grad():
        next(loaded.net.parameters()).add_(1)


def test_what_is_no_bundle_is_never_replaced(tmp_path: Path) -> None:
    photos = tmp_path / "photos.bundle"
    photos.mkdir()
    (photos / "cow.jpg").write_bytes(b"precious")
    net, info = net_of("lenet5_small"), info_of("lenet5_small")
    with pytest.raises(UserError, match="holds other files than a bundle's"):
        bundle.save(photos, net, info)
    with pytest.raises(UserError, match=r"does not end in '\.bundle'"):
        bundle.save(tmp_path / "photos", net, info)
    assert (photos / "cow.jpg").read_bytes() == b"precious"
    assert [entry.name for entry in tmp_path.iterdir()] == ["photos.bundle"]


def test_a_net_that_is_not_the_described_one_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="weights of another net"):
        bundle.save(tmp_path / "a.bundle", net_of("lenet5_small"), info_of("resnet8_small"))
    info = info_of("lenet5_small")
    for change, message in (
        ({"classes": ["one"]}, r"spec\.num_classes is 10, classes says 1"),
        ({"preprocessing": {**info.preprocessing, "side": 8}}, r"preprocessing\.side says 8"),
        ({"metrics": [{"loss": float("nan")}]}, "no NaN"),
        ({"history": [{"text": "x" * 9_000_000}]}, "8,388,608 are allowed"),
    ):
        with pytest.raises(UserError, match=message):
            bundle.save(
                tmp_path / "a.bundle", net_of("lenet5_small"), info.model_copy(update=change)
            )
    assert list(tmp_path.iterdir()) == []


def test_description_is_plain_json_with_the_hash_and_versions(tmp_path: Path) -> None:
    fields = fields_of(written(tmp_path))
    assert set(fields) == {*BundleInfo.model_fields, "checksum"}
    assert fields["format"] == 1
    assert len(fields["weights_sha256"]) == 64
    assert set(fields["versions"]) == {"convatlas", "torch", "python"}
    assert fields["versions"]["torch"] == torch.__version__


def test_names_in_any_script_in_any_locale(tmp_path: Path) -> None:
    names = ["Kuh", "\u725b \U0001f404", "a\tb", "vach\u00e9", *(f"{i}" for i in range(6))]
    info = info_of("lenet5_small").model_copy(update={"classes": names})
    path = bundle.save(tmp_path / "\u725b a.bundle", net_of("lenet5_small"), info)
    code = (
        "import sys, pathlib; from convatlas import bundle;"
        "print(ascii(bundle.load(pathlib.Path(sys.argv[1])).info.classes))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True, text=True, check=True, env={"LC_ALL": "C", "PYTHONUTF8": "0"},
    )  # fmt: skip
    assert done.stdout.strip() == ascii(names)


def test_a_field_that_came_after_a_bundle_has_its_default(tmp_path: Path) -> None:
    """VGG's `batch_norm` did."""
    path = written(tmp_path, "vgg_a_small")
    known = fields_of(path)
    del known["spec"]["batch_norm"]
    sign(path, known)
    before, after = net_of("vgg_a_small").state_dict(), bundle.load(path).net.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
