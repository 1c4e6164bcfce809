"""What the notes get wrong is wrong, and what is said to be right follows."""

from decimal import Decimal, InvalidOperation
from fractions import Fraction

import pytest

from convatlas import models
from convatlas.analysis import Measured, check_slips
from convatlas.facts import Count, compare
from convatlas.facts.slips import SLIPS

COUNTED = [slip for slip in SLIPS if isinstance(slip.right, Count)]


def figure(printed: str) -> str | None:
    """The number in "about 5500e4", "7.7 MB", "11,264,111"; None for a formula."""
    number = printed.replace(",", "").removeprefix("about ").split(" ")[0]
    factor = 10**6 if printed.endswith(" MB") else 1
    try:
        return str(Decimal(number) * factor)
    except InvalidOperation:
        return None


def test_every_slip_says_something_else_than_is_right():
    assert len(SLIPS) == len({(slip.where, slip.subject) for slip in SLIPS}) > 60
    for checked in check_slips(SLIPS):
        slip = checked.slip
        assert all((slip.where, slip.subject, slip.printed, slip.why, checked.right))
        assert slip.printed != checked.right


@pytest.mark.parametrize("slip", COUNTED, ids=lambda slip: slip.subject)
def test_the_net_contradicts_the_printed_figure(slip):
    right = slip.right
    measured = Measured(right.variant, right.input_side).figure(right.quantity, right.part)
    printed = figure(slip.printed)
    if printed is None:
        assert slip.printed == "1x1x1024x1024"
        assert measured == 1024 * 1000
    else:
        assert compare(printed, measured) == "differs"


def right(subject: str) -> str:
    (found,) = (slip.right for slip in SLIPS if slip.subject == subject)
    return found


def count(variant: str, quantity: str, side: int | None = None) -> int:
    return Measured(variant, side).figure(quantity)


def test_ratios_follow_from_the_nets():
    params = count("bn_inception_caffe", "params") / count("googlenet", "params")
    assert right("BN-Inception against GoogLeNet, parameters") == f"+{params - 1:.0%}".replace(
        "%", " %"
    )
    size = count("alexnet", "size_bytes") / count("squeezenet_1_0", "size_bytes")
    assert right("SqueezeNet against AlexNet, bytes") == f"{size:.1f} times"
    mult_adds = count("squeezenet_1_0_caffe", "mult_adds")
    mult_adds /= count("mobilenet_v1_w050", "mult_adds", 160)
    subject = "SqueezeNet against 0.50 MobileNet-160, mult-adds"
    assert right(subject) == f"{mult_adds:.0f} times"
    size = count("vgg_d", "size_bytes") / 2**20
    assert f"= {size:.1f} MiB" in right("VGG-16, bytes of the parameters")
    assert f"{count('vgg_d', 'params'):,} *" in right("VGG-16, bytes of the parameters")


def test_grouped_convolutions_without_the_bias():
    counts = [110**2 * 30 * (6 // groups) * 9 for groups in (1, 2, 3, 6)]
    subject = "convolutions of 6 to 30 channels in 1, 2, 3, 6 groups, mult-adds"
    assert right(subject) == ", ".join(f"{n / 1e6:.2f}M" for n in counts)
    (printed,) = (slip.printed for slip in SLIPS if slip.subject == subject)
    for told, n in zip(printed.split(", "), counts, strict=True):
        assert compare(told.replace("M", "e6"), n + 110**2 * 30) != "differs"


def test_googlenet_has_five_pools():
    assert count("googlenet", "layers") + 5 == int(right("GoogLeNet, layers with pools"))
    pools = [n for n in Measured("googlenet").graph.nodes if "Pool" in n.kind]
    outside_modules = [n for n in pools if "inception_" not in n.name]
    assert len(outside_modules) == 5


def test_densenet_depths_and_channels():
    blocks = models.spec_of("densenet169").depths
    assert right("DenseNet-169, layers of a block") == ", ".join(map(str, blocks))
    assert 2 * sum(blocks) + 1 + 3 + 1 == count("densenet169", "layers") == 169
    net = Measured("densenet_40_k12")  # 3 blocks of 12 layers, k = 12, 16 channels to start from
    assert net.figure("channels", "stages.block3") == 16 + 3 * 12 * 12


def test_expected_depth_of_54_blocks():
    blocks, last = 54, Fraction(1, 2)
    shifted = [1 - Fraction(number + 1, blocks) * (1 - last) for number in range(blocks + 1)]
    papers = [1 - Fraction(number, blocks) * (1 - last) for number in range(1, blocks + 1)]
    assert sum(shifted[:blocks]) == sum(papers) == Fraction(161, 4)
    assert float(sum(shifted[1:])) == 39.75
    assert Fraction(3 * blocks - 1, 4) == Fraction(161, 4)  # the closed form beside it


def test_squeezenet_has_eight_fire_modules_from_an_eighth():
    fires = [n for n, _ in Measured("squeezenet_1_0").net.named_modules() if n.endswith("squeeze")]
    assert right("SqueezeNet, e_i of fire modules") == f"i = 1 .. {len(fires)}"
    ratio = models.spec_of("squeezenet_1_0").squeeze_ratio
    assert right("SqueezeNet, squeeze ratios tried").startswith(str(ratio))
