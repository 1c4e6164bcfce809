"""Write the README's table: printed figures, recomputed ones, and latency on this machine.

Run: `.venv/bin/python benchmarks/readme_table.py` (about two minutes).
"""

from pathlib import Path

from convatlas import models
from convatlas.analysis import Checked, check_facts
from convatlas.deployment import to_onnx
from convatlas.device import Timing, machine, open_runtime, time_sessions

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- zoo: begin -->\n", "<!-- zoo: end -->\n"
NETS = (
    "lenet5",
    "alexnet",
    "vgg_d",
    "resnet50",
    "densenet_bc_100_k12",
    "squeezenet_1_0",
    "mobilenet_v1",
    "mobilenet_v2",
    "shufflenet_v2_x1_0",
)


def figures() -> dict[str, Checked]:
    """One printed figure for each net: mult-adds where the paper prints them, else parameters."""
    found = {}
    for net in NETS:
        own = {}
        for checked in check_facts(net):
            fact = checked.fact
            if fact.variant == net and not fact.part and fact.input_side is None:
                own.setdefault(fact.quantity, checked)
        found[net] = own.get("mult_adds") or own.get("params") or next(iter(own.values()))
    return found


def latencies() -> dict[str, Timing]:
    found = {}
    for net in NETS:
        spec = models.spec_of(net)
        shape = (spec.in_channels, spec.input_side, spec.input_side)
        session = open_runtime(to_onnx(models.build(net).eval(), shape), threads=1)
        found |= time_sessions({net: session}, shape, seconds=3)
        print(f"{net}: {1e3 * found[net].median_s:.2f} ms")
    return found


def table() -> str:
    rows = ["| net | figure | paper | measured | verdict | ms here |", "|---|---|--:|--:|---|--:|"]
    timed = latencies()
    for net, checked in figures().items():
        rows.append(
            f"| `{net}` | {checked.fact.quantity.replace('_', '-')} | {checked.fact.printed} "
            f"| {checked.measured:,} | {checked.verdict} | {1e3 * timed[net].median_s:.2f} |"
        )
    one, here = next(iter(timed.values())), machine()
    rows.append(
        f"\nms: median of one image, {one.runtime} {one.versions.get('onnxruntime', '')}, "
        f"{one.threads} thread, {here['cpu']}. `convatlas check` says why a figure differs.\n"
    )
    return "\n".join(rows)


if __name__ == "__main__":
    text = README.read_text()
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    README.write_text(f"{head}{BEGIN}{table()}{END}{tail}")
