"""The doctor: what in a net wastes time or keeps too little of the image."""

from collections.abc import Callable

from torch import nn

from convatlas.analysis._cost import cost_rows
from convatlas.analysis._graph import Graph
from convatlas.analysis._trace import trace
from convatlas.analysis.doctor._bottleneck import (
    pooling_before_widening,
    representation_bottleneck,
)
from convatlas.analysis.doctor._case import Case
from convatlas.analysis.doctor._dead_padding import dead_padding
from convatlas.analysis.doctor._elementwise import elementwise
from convatlas.analysis.doctor._finding import Diagnosis, Finding
from convatlas.analysis.doctor._fragments import fragments
from convatlas.analysis.doctor._fully_connected import fully_connected
from convatlas.analysis.doctor._groups import groups
from convatlas.analysis.doctor._low_intensity import low_intensity
from convatlas.analysis.doctor._machine import DEFAULT, Machine
from convatlas.analysis.doctor._narrow_relu import narrow_relu
from convatlas.analysis.doctor._skipped import skipped
from convatlas.analysis.doctor._time import layer_times
from convatlas.analysis.doctor._unequal_widths import unequal_widths
from convatlas.analysis.doctor._unread_pixels import unread_pixels
from convatlas.analysis.doctor._unused_channels import unused_channels

Check = Callable[[Case], Finding | None]

CHECKS: tuple[Check, ...] = (
    unequal_widths,
    groups,
    fragments,
    elementwise,
    representation_bottleneck,
    pooling_before_widening,
    narrow_relu,
    unused_channels,
    unread_pixels,
    skipped,
    dead_padding,
    fully_connected,
    low_intensity,
)


def examine(
    graph_or_net: Graph | nn.Module, shape: tuple[int, int, int], *, machine: Machine = DEFAULT
) -> Diagnosis:
    """What is wrong with a net for one image of `shape` (channels, height, width), by figures.

    Nothing is run; a net may live on the meta device.

    Raises:
        UserError: for images that the net does not take.
    """
    graph = graph_or_net if isinstance(graph_or_net, Graph) else trace(graph_or_net, shape)
    rows = cost_rows(graph, "conv+linear")
    case = Case(graph, rows, layer_times(graph, rows, machine), machine)
    findings = [finding for check in CHECKS if (finding := check(case)) is not None]
    return Diagnosis(
        findings=tuple(sorted(findings, key=lambda finding: (-finding.lost, -finding.share))),
        times=case.times,
        seconds=case.seconds,
        machine=machine,
    )
