"""What a person is told when the images are too small for a net's strides."""

from dataclasses import replace

import pytest

from convatlas.analysis import cost, require_fit, smallest_side, without_weights
from convatlas.errors import UserError
from convatlas.models import build, spec_of


def works(variant: str, side: int) -> bool:
    """Counted without the function under test."""
    try:
        with without_weights():
            net = build(variant, input_side=side)
        cost(net, (3, side, side))
    except UserError:
        return False
    return True


# Refused by a convolution, by a pool, and by the family before anything is built
@pytest.mark.parametrize(
    ("variant", "least"), [("squeezenext23", 9), ("se_resnet50", 3), ("alexnet", 67)]
)
def test_the_smallest_side_that_works(variant, least):
    assert [works(variant, least + above) for above in (-2, -1, 0, 1)] == [False, False, True, True]
    assert smallest_side(variant, replace(spec_of(variant), input_side=1)) == least


def test_sides_that_work_may_have_gaps():
    """Two of its modules halve by a pool that rounds up beside convolutions that do not."""
    spec = spec_of("bn_inception")
    assert not works("bn_inception", 40)
    assert smallest_side("bn_inception", replace(spec, input_side=8)) == 31
    assert smallest_side("bn_inception", replace(spec, input_side=40)) == 63
    assert not works("bn_inception", 62)


def test_the_error_names_it():
    spec = replace(spec_of("squeezenext23"), input_side=5)
    with pytest.raises(
        UserError, match=r"'stem.conv.conv' .* smallest larger side that works is 9"
    ):
        require_fit("squeezenext23", spec)
    require_fit("squeezenext23", replace(spec, input_side=9))


def test_what_the_family_says_itself_is_not_said_twice():
    with pytest.raises(UserError) as caught:
        require_fit("alexnet", replace(spec_of("alexnet"), input_side=20))
    assert str(caught.value).count("67") == 1


def test_nothing_is_named_where_no_larger_side_works():
    uneven = replace(spec_of("alexnet"), input_side=5, groups=(1, 7, 1, 1, 1))
    assert smallest_side("alexnet", uneven) is None
    with pytest.raises(UserError, match="7") as caught:
        require_fit("alexnet", uneven)
    assert "larger side" not in str(caught.value)
    assert smallest_side("squeezenext23", replace(spec_of("squeezenext23"), input_side=400)) is None
