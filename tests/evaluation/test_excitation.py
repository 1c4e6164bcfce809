"""Gates of squeeze-and-excitation against a plain computation with hooks."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from convatlas.data import Preprocessing, StoredPixels, centre, normalise
from convatlas.errors import UserError
from convatlas.evaluation import excitation
from convatlas.layers import SqueezeExcite
from convatlas.reports import write_excitation
from tests.contract.nets import seeded

MADE = Preprocessing(side=8, channels=3, mean=(0.5,) * 3, std=(0.25,) * 3)
CLASSES = ("ant", "bee", "never seen", "<b>cow</b>")


def pixels(labels):
    shades = np.random.default_rng(0).integers(0, 256, (len(labels), 8, 8, 3), dtype=np.uint8)
    names = [str(i) for i in range(len(labels))]
    return StoredPixels(labels=np.asarray(labels, np.int64), names=names, images=shades)


def plain(net, data):
    """Every gate of every image, block by block."""
    kept = {}
    for name, module in net.named_modules():
        if isinstance(module, SqueezeExcite):
            module.register_forward_hook(
                lambda m, given, _, name=name: kept.setdefault(name, []).append(
                    m.gate(m.expand(m.activation(m.reduce(m.squeeze(given[0])))))
                )
            )
    images = normalise(centre(data.batch(np.arange(len(data))), 8), MADE)
    with torch.no_grad():
        for i in range(len(data)):
            net(images[i : i + 1])
    return {name: torch.cat(gates).mean((2, 3)).double().numpy() for name, gates in kept.items()}


@pytest.mark.parametrize("name", ["efficientnet_small", "se_resnet50_nosqueeze"])
def test_means_and_deviations_per_class(name):
    side = {} if name == "efficientnet_small" else {"input_side": 32}
    labels = [0, 1, 1, 3, 0, 1, 3, 3, 3]
    data = pixels(labels)
    net = seeded(name, **side).eval()
    found = excitation(net, data, MADE, CLASSES, batch=4)
    assert not any(m._forward_hooks for m in net.modules())
    wanted = plain(net, data)
    assert [block.name for block in found.blocks] == list(wanted)
    assert found.images == (2, 3, 0, 4)
    for block in found.blocks:
        gates = wanted[block.name]
        assert block.channels == gates.shape[1]
        for k in (0, 1, 3):
            own = gates[np.asarray(labels) == k]
            np.testing.assert_allclose(block.mean[k], own.mean(0), rtol=1e-4)
            np.testing.assert_allclose(block.deviation[k], own.std(0), rtol=1e-2, atol=1e-5)
        assert np.isnan(block.mean[2]).all()
        means = np.stack([gates[np.asarray(labels) == k].mean(0) for k in (0, 1, 3)])
        assert block.level == pytest.approx(means.mean(), rel=1e-5)
        assert block.between == pytest.approx(means.std(0).mean(), rel=1e-2, abs=1e-5)


class Gated(nn.Module):
    """One block whose gates are what `bias` says."""

    def __init__(self, bias):
        super().__init__()
        self.excite = SqueezeExcite(3, 1)
        nn.init.zeros_(self.excite.expand.weight)
        with torch.no_grad():
            self.excite.expand.bias.copy_(torch.tensor(bias))

    def forward(self, x):
        return self.excite(x).mean((2, 3))


def test_gates_that_nothing_moves_are_saturated_and_tell_no_classes():
    (block,) = excitation(Gated([9.0, -9.0, 0.0]), pixels([0, 1, 1, 3]), MADE, CLASSES).blocks
    assert block.saturated == pytest.approx(2 / 3)
    assert block.level == pytest.approx(0.5)
    assert (block.between, block.within) == (0.0, 0.0)
    assert block.mean[0].tolist() == pytest.approx(
        torch.tensor([9.0, -9.0, 0.0]).sigmoid().tolist()
    )


def test_json_has_no_nan():
    found = excitation(Gated([0.0] * 3), pixels([0, 3]), MADE, CLASSES)
    told = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert told["blocks"][0]["mean"] == [[0.5] * 3, None, None, [0.5] * 3]


def test_nets_without_gates_and_sets_without_images_are_refused():
    with pytest.raises(UserError, match="no squeeze-and-excitation block"):
        excitation(seeded("resnet8_small"), pixels([0]), MADE, CLASSES)
    with pytest.raises(UserError, match="no images"):
        excitation(Gated([0.0] * 3), pixels([]), MADE, CLASSES)


def test_the_page_draws_the_classes_asked_for_and_escapes_their_names(tmp_path):
    found = excitation(Gated([1.0, 2.0, 3.0]), pixels([0, 1, 3, 3]), MADE, CLASSES)
    path = write_excitation(found, tmp_path / "e.html", model="<net>", drawn=(CLASSES[3], "ant"))
    text = path.read_text("utf-8")
    figures = json.loads(text.partition('id="figures">')[2].partition("</script>")[0])
    curves = figures["block-0"]["data"]
    assert [c["name"] for c in curves] == ["&lt;b&gt;cow&lt;/b&gt;", "ant", "all classes"]
    assert curves[0]["y"] == [0.7311, 0.8808, 0.9526]
    assert figures["depth"]["data"][0]["y"] == [pytest.approx(found.blocks[0].level, rel=1e-5)]
    assert "&lt;net&gt;" in text
    plain_page = write_excitation(found, tmp_path / "p.html", model="x").read_text("utf-8")
    figures = json.loads(plain_page.partition('id="figures">')[2].partition("</script>")[0])
    assert len(figures["block-0"]["data"]) == 4  # the class without images is not drawn
