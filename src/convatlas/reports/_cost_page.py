"""What nets cost, side by side: the page's sections in the order a person wants them."""

from collections.abc import Sequence
from pathlib import Path

from convatlas.errors import UserError
from convatlas.files import write_atomic
from convatlas.reports import _cost_accuracy, _cost_shares
from convatlas.reports import _units as units
from convatlas.reports._chart import Figure
from convatlas.reports._html import Html, element, join, name
from convatlas.reports._net_cost import NetCost, error
from convatlas.reports._shell import Section, document, plotly_source
from convatlas.reports._tables import Cell, Column, table

_COLUMNS = (
    Column("Net"),
    Column("Top-1 error", figures=True),
    Column("Input", figures=True),
    Column("Params", figures=True),
    Column("Mult-adds", figures=True),
    Column("Activations", figures=True),
    Column("Peak memory", figures=True),
    Column("Memory access", figures=True),
    Column("Peak at"),
)


def write_cost_comparison(nets: Sequence[NetCost], path: Path) -> Path:
    """Write what `nets` cost, side by side, as one HTML page that needs nothing else.

    Raises:
        UserError: if there is no net, plotly is not installed or `path` cannot be written.
    """
    if not nets:
        raise UserError("There is no net to compare. Name one or more.")
    write_atomic(path, cost_page(nets, plotly_source(path)).encode("utf-8"))
    return path


def cost_page(nets: Sequence[NetCost], plotly: str) -> str:
    """The whole document.

    Args:
        nets: at least one.
        plotly: source of plotly's script.
    """
    figures: dict[str, Figure] = {}
    every: list[Section] = [
        ("side-by-side", "Side by side", _side_by_side(nets)),
        ("accuracy", "Accuracy and cost", _cost_accuracy.section(nets, figures)),
        ("depth", "Through depth", _cost_shares.depth(nets, figures)),
        ("stem", "The way down", _cost_shares.stem(nets, figures)),
        ("types", "By type of layer", _cost_shares.types(nets, figures)),
    ]
    sections = [section for section in every if section[2]]
    title = f"Cost of {units.counted(len(nets), 'net')}"
    return document(title, _top(nets), sections, figures=figures, plotly=plotly)


def _top(nets: Sequence[NetCost]) -> Html:
    over = element("p", "What nets cost, before they run", class_="over-title")
    return join([over, _heading(nets), _conditions(nets[0])])


def _heading(nets: Sequence[NetCost]) -> Html:
    least = min(nets, key=lambda net: net.report.mult_adds)
    most = max(nets, key=lambda net: net.report.mult_adds)
    if least is most:
        count = units.scaled(most.report.mult_adds)
        return element("h1", element("strong", name(most.name, 60)), f": {count} mult-adds.")
    return element(
        "h1",
        element("strong", units.counted(len(nets), "net")),
        ", from ",
        element("b", units.scaled(least.report.mult_adds)),
        " mult-adds (",
        name(least.name, 60),
        ") to ",
        element("b", units.scaled(most.report.mult_adds)),
        " (",
        name(most.name, 60),
        ").",
    )


def _conditions(net: NetCost) -> Html:
    report = net.report
    images = units.counted(report.batch, "image")
    return element(
        "ul",
        element("li", f"Counts are for one image; bytes for {images} at a time in {report.dtype}."),
        element("li", f"Counted: {report.convention}."),
        element(
            "li",
            "Peak memory is that of torch's eager inference with the weights; memory access is all "
            "that layers read and write, weights and features, without caches.",
        ),
        class_="conditions",
    )


def _side_by_side(nets: Sequence[NetCost]) -> Html:
    parts: list[str] = [
        table("A header sorts", _COLUMNS, [_row(net) for net in nets]),
    ]
    unknown = [net for net in nets if net.report.unknown]
    parts += [
        element(
            "p",
            "Nothing is known of these operations of ",
            name(net.name, 60),
            f", and nothing is counted for them: {', '.join(net.report.unknown)}.",
            class_="no",
        )
        for net in unknown
    ]
    return join(parts)


def _row(net: NetCost) -> list[Cell]:
    report, found = net.report, net.headline
    printed = None if found is None else found.top1_error
    source = None if found is None else f"{error(found)}; {found.source}"
    shown = units.MISSING if printed is None else f"{printed} %"
    return [
        Cell(name(net.name, 60), net.name),
        Cell(element("span", shown, title=source), None if printed is None else float(printed)),
        Cell("x".join(map(str, report.shape)), report.shape[-1]),
        Cell(units.scaled(report.params), report.params),
        Cell(units.scaled(report.mult_adds), report.mult_adds),
        Cell(units.scaled(report.activations), report.activations),
        Cell(units.size(report.peak_memory_bytes), report.peak_memory_bytes),
        Cell(units.size(report.memory_access_bytes), report.memory_access_bytes),
        Cell(element("span", name(report.peak_layer, 24), class_="state"), report.peak_layer),
    ]
