"""What a trial that is not kept begins with: the plan of its lesson, the net as a run builds it."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from convatlas import models
from convatlas.data import Progress
from convatlas.layers import xavier_uniform
from convatlas.models import from_spec
from convatlas.training._plan import Plan, plan_of
from convatlas.training._world import World

if TYPE_CHECKING:
    from convatlas.training._lesson import Lesson


def planned(lesson: "Lesson", out: Path, *, progress: Progress, say: Callable[[str], None]) -> Plan:
    """The plan of a lesson for this process alone.

    Raises:
        UserError: for data, a net, a recipe or numbers that cannot be used together.
    """
    return plan_of(lesson, out, world=World(), threads=lesson.computing, progress=progress, say=say)


def fresh(lesson: "Lesson", plan: Plan) -> nn.Module:
    """The net before its first step; without a start torch's random stream decides its weights."""
    net = from_spec(models.family_of(lesson.variant).name, asdict(plan.spec))
    if plan.start is not None:
        net.load_state_dict(dict(plan.start))
        return net
    return net.apply(xavier_uniform) if plan.recipe.initial == "xavier" else net
