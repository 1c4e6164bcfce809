"""`convatlas compare`: two nets, the same images, one verdict."""

import json

import pytest
import torch

from convatlas import bundle, models
from tests.bundle.forge import info_of
from tests.cli.run import convatlas
from tests.data.images import write_folder

CLASSES = [f"class {i}" for i in range(10)]


def net(path, seed, classes=CLASSES):
    """A net that takes every image for one class, or for its neighbour: seed 0 is right in a."""
    torch.manual_seed(seed)
    made = models.build("resnet8_small")
    with torch.no_grad():
        made.classifier.weight.zero_()
        made.classifier.bias.copy_(torch.arange(10.0).roll(seed))
    return str(
        bundle.save(path, made, info_of("resnet8_small").model_copy(update={"classes": classes}))
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("compare")
    folder = write_folder(root / "set", {name: 12 if name == "class 9" else 2 for name in CLASSES})
    return root, str(folder)


def test_the_better_net_is_named_with_its_p_value(place):
    root, folder = place
    a, b = net(root / "a.bundle", 0), net(root / "b.bundle", 1)
    found = json.loads(convatlas("compare", a, b, folder, "--split", "all", "--json").out)
    assert found["n"] == 30
    assert (found["only_a"], found["only_b"], found["both_wrong"]) == (12, 2, 16)
    assert found["better"] == "a"
    assert found["p_value"] == pytest.approx(2 * (1 + 14 + 91) / 2**14)
    assert found["difference"] == pytest.approx(100 / 3)
    assert found["unreadable"] == 0
    text = convatlas("compare", a, b, folder, "--split", "all").out
    for words in ("A is better", "+33.33 points", "only A right", "single_crop", "0.0129"):
        assert words in text
    turned = convatlas("compare", b, a, folder, "--split", "all").out
    assert "B is better" in turned


def test_scores_are_kept_for_the_next_comparison_and_for_evaluate(place, tmp_path):
    root, folder = place
    a, b = net(root / "a.bundle", 0), net(root / "b.bundle", 1)
    out = str(tmp_path / "out")
    first = convatlas("compare", a, b, folder, "--split", "all", "--out", out, "--json").out
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    assert len(kept) == 2
    assert convatlas("compare", a, b, folder, "--split", "all", "--out", out, "--json").out == first
    convatlas("evaluate", b, folder, "--split", "all", "--out", out)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")} == kept


def test_both_nets_see_the_pixels_that_are_asked_for(place):
    root, folder = place
    a, b = net(root / "a.bundle", 0), net(root / "b.bundle", 1)
    found = json.loads(
        convatlas("compare", a, b, folder, "--preprocessing", "zero_to_one", "--json").out
    )
    assert all("(zero_to_one)" in found[side]["protocol"] for side in ("a", "b"))


def test_classes_in_another_order_are_the_same_classes(place):
    root, folder = place
    a = net(root / "a.bundle", 0)
    other = net(root / "c.bundle", 1, [*CLASSES[1:], CLASSES[0]])  # its largest bias is class 1's
    found = json.loads(convatlas("compare", a, other, folder, "--split", "all", "--json").out)
    assert {c["name"]: c["only_b"] for c in found["per_class"]}["class 1"] == 2


def test_what_cannot_be_compared_is_refused(place):
    root, folder = place
    a = net(root / "a.bundle", 0)
    twin = convatlas("compare", a, a, folder, "--split", "all", code=2)
    assert "same net" in twin.err or "Give each net once" in twin.err
    missing = convatlas("compare", a, str(root / "no.bundle"), folder, code=2)
    assert "no.bundle" in missing.err
