"""Interleaved low-rank group convolution: the loose complementary condition."""

from dataclasses import dataclass

from convatlas.analysis.design_rules._numbers import positive
from convatlas.layers import check_groups


@dataclass(frozen=True, slots=True, kw_only=True)
class SuperChannels:
    """Blocks of channels that are dealt out between two group convolutions as one."""

    count: int  # C_s, of a whole map
    groups1: int  # of the convolution before
    groups2: int  # of the convolution behind

    @property
    def paths(self) -> float:
        """How many super-channels lead from a group to a group, C_s / (G1 G2)."""
        return self.count / (self.groups1 * self.groups2)

    @property
    def dense(self) -> bool:
        """Every group behind hears of every group before."""
        return self.paths >= 1

    @property
    def complementary(self) -> bool:
        """The super-channels of a group all go to different groups, and reach every one."""
        return self.paths == 1


def super_channels(groups1: int, groups2: int, *, count: int | None = None) -> SuperChannels:
    """`count` super-channels between convolutions in G1 and G2 groups.

    Args:
        count: C_s; None proposes G1 G2, which meets the loose complementary condition. More than
            that loosens it further, fewer leave groups that never hear of one another.

    Raises:
        UserError: for a count that the groups do not divide.

    Source: Sun et al., BMVC 2018 (arXiv:1806.00178), Sec. 3.
    """
    positive(groups1=groups1, groups2=groups2)
    if count is None:
        count = groups1 * groups2
    positive(count=count)
    check_groups(groups1, channels=count, name="groups1")
    check_groups(groups2, channels=count, name="groups2")
    return SuperChannels(count=count, groups1=groups1, groups2=groups2)
