"""Finding and building networks by name."""

import json
import re
from dataclasses import asdict, replace

import pytest
import torch

from convatlas.errors import UnknownName, UserError
from convatlas.models import (
    build,
    families,
    family_of,
    find,
    from_spec,
    spec_of,
    variants,
)

NAME = "mobilenet_v2_small"


def on_meta(name, **changes):
    with torch.device("meta"):
        return build(name, **changes)


def test_families_and_variants_know_each_other():
    assert list(families()) == sorted(families())
    for name, family in variants().items():
        assert name in family.variants
        assert family_of(name) is family
        assert families()[family.name] is family


def test_find_by_pattern_in_alphabetical_order():
    assert find("shufflenet_v2_x*") == [
        "shufflenet_v2_x0_5",
        "shufflenet_v2_x1_0",
        "shufflenet_v2_x1_5",
        "shufflenet_v2_x2_0",
    ]
    assert find() == sorted(variants())
    assert find("Shufflenet*") == []


def test_an_unknown_variant_is_answered_with_the_nearest():
    with pytest.raises(UnknownName) as caught:
        build("mobilenet_v2_smal")
    assert str(caught.value).startswith("No variant named 'mobilenet_v2_smal'. Nearest: ")
    assert "mobilenet_v2_small" in str(caught.value)
    assert str(caught.value).endswith(f"`convatlas models` lists all {len(find())}.")


@pytest.mark.parametrize("ask", [family_of, spec_of, build])
def test_every_way_to_ask_for_an_unknown_variant(ask):
    with pytest.raises(LookupError, match="No variant named 'Mobilenet_V2'"):
        ask("Mobilenet_V2")


def test_spec_of_changes_the_fields_given_and_no_others():
    changed = spec_of(NAME, num_classes=7)
    assert changed.num_classes == 7
    assert {**asdict(spec_of(NAME)), "num_classes": 7} == asdict(changed)
    assert spec_of(NAME).num_classes == 10


def test_an_unknown_field_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match=r"No field of MobileNetV2Spec named 'classes'"):
        spec_of(NAME, classes=7)
    with pytest.raises(UnknownName, match="Nearest: num_classes"):
        build(NAME, num_clases=7)


def test_build_honours_the_changes():
    net = on_meta(NAME, num_classes=7, in_channels=1, width_multiplier=0.5)
    assert net.get_submodule("classifier").out_features == 7
    assert net.get_submodule("stem.conv").in_channels == 1
    assert net.get_submodule("stem.conv").out_channels == 8


@pytest.mark.parametrize("family", list(families()))
def test_a_spec_comes_back_through_json(family, monkeypatch):
    """Lists become tuples again, at every depth."""
    seen = []
    kept = families()[family]
    recording = type(kept)(
        name=kept.name,
        title=kept.title,
        paper=kept.paper,
        build=lambda spec: seen.append(spec),
        variants=kept.variants,
    )
    monkeypatch.setattr("convatlas.models._zoo.families", lambda: {**families(), family: recording})
    for spec in kept.variants.values():
        from_spec(family, json.loads(json.dumps(asdict(spec))))
        assert seen.pop() == spec


def test_from_spec_of_an_unknown_family():
    with pytest.raises(UnknownName, match=r"No family named 'mobilenet'. Nearest: mobilenet_v"):
        from_spec("mobilenet", {})


def test_from_spec_without_a_field_that_came_later():
    spec = asdict(spec_of("vgg_a_small"))
    del spec["batch_norm"]
    names = [type(module).__name__ for module in from_spec("vgg", spec).modules()]
    assert names == [type(module).__name__ for module in build("vgg_a_small").modules()]


def test_from_spec_without_a_field():
    spec = asdict(spec_of(NAME))
    del spec["num_classes"], spec["input_side"]
    with pytest.raises(UserError, match="'mobilenet_v2' lacks input_side, num_classes"):
        from_spec("mobilenet_v2", spec)


def test_from_spec_with_a_field_too_many():
    spec = {**asdict(spec_of(NAME)), "dilation": 2}
    with pytest.raises(UnknownName, match="No field of MobileNetV2Spec named 'dilation'"):
        from_spec("mobilenet_v2", spec)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("width_multiplier", 0),
        ("width_multiplier", -1.0),
        ("width_multiplier", float("nan")),
        ("num_classes", 0),
        ("in_channels", -3),
        ("input_side", 10**9),
        ("input_side", "32"),
    ],
)
def test_a_value_no_net_can_have_is_refused(field, value):
    with pytest.raises(UserError, match=f"{field}={value!r}"):
        build("resnet8_small", **{field: value})


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("densenet121", {"growth_rate": 0}, "growth_rate=0; it must be a whole number from 1."),
        ("densenet121", {"growth_rate": -4}, "growth_rate=-4; it must be a whole number from 1."),
        ("densenet121", {"growth_rate": 1.5}, "growth_rate=1.5; it must be a whole number from 1."),
        ("densenet121", {"growth_rate": True}, "growth_rate=True; it must be a whole number"),
        ("densenet121", {"bottleneck": 1}, "bottleneck=1; it must be True or False."),
        ("mobilenet_v2", {"bottlenecks": ()}, "'mobilenet_v2' cannot be built with bottlenecks=()"),
        ("mobilenet_v2", {"bottlenecks": 3}, "bottlenecks=3; it must be a tuple, as"),
        ("resnet50", {"depths": (3, -1, 2, 2)}, "it must be made of numbers from 0."),
        ("squeezenet_1_0", {"squeeze_ratio": float("nan")}, "it must be a number from 0."),
        ("mobilenet_v2", {"bottlenecks": ((1, 16),)}, "'mobilenet_v2' cannot be built with"),
    ],
)
def test_values_that_no_net_can_have(name, changes, message):
    with pytest.raises(UserError, match=re.escape(message)):
        build(name, **changes)


def test_a_fault_of_the_papers_own_net_is_not_blamed_on_the_user(monkeypatch):
    family = family_of("resnet50")

    def broken(spec):
        raise ValueError("ours")

    monkeypatch.setitem(variants(), "resnet50", replace(family, build=broken))
    with pytest.raises(ValueError, match=r"^ours$"):
        build("resnet50")
