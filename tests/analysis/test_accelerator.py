"""The accelerator by hand on small layers, and against the direction of SqueezeNext's Table 3."""

import json
from dataclasses import replace
from functools import cache
from itertools import combinations

import pytest
from torch import nn

from convatlas import models
from convatlas.analysis import cost, trace, without_weights
from convatlas.analysis.accelerator import (
    LEFT_OUT,
    MAPPINGS,
    PRESETS,
    Accelerator,
    parse_accelerator,
    simulate,
)
from convatlas.cli._accelerator import accelerator_dict, print_accelerator
from convatlas.errors import UserError

SMALL, LARGE = PRESETS["8x8"], PRESETS["16x16"]

# Gholami et al. 2018, Table 3: time on 8x8, energy there, time on 16x16, energy there; times are
# relative to 23v5's. The abstract confirms AlexNet and SqueezeNet on 16x16 (8.26 and 2.59 times the
# cycles, 7.5 and 2.25 times the energy); the other rows were not read in the paper itself, and its
# unit of energy is not known, so only ratios and orders are compared.
TABLE_3 = {
    "alexnet": (5.46, 1.6, 8.26, 1.5),
    "squeezenet_1_0": (3.42, 0.67, 2.59, 0.45),
    "squeezenet_1_1": (1.60, 0.33, 1.31, 0.24),
    "darknet_tiny": (1.92, 0.38, 1.50, 0.25),
    "squeezenext23": (1.17, 0.32, 1.22, 0.20),
    "squeezenext23v2": (1.00, 0.28, 1.13, 0.18),
    "squeezenext23v3": (1.00, 0.27, 1.10, 0.18),
    "squeezenext23v4": (1.00, 0.27, 1.04, 0.18),
    "squeezenext23v5": (1.00, 0.28, 1.00, 0.20),
    "mobilenet_v1": (2.94, 0.91, 2.60, 0.58),
    "squeezenext23_w200": (3.24, 0.81, 2.72, 0.50),
    "squeezenext23v4_w200": (3.17, 0.75, 2.55, 0.49),
    "squeezenext23v5_w200": (3.17, 0.75, 2.55, 0.49),
}


@cache
def graph_of(name):
    with without_weights():
        net = models.build(name).eval()
    side = models.spec_of(name).input_side
    return trace(net, (3, side, side))


@cache
def on(name, size):
    return simulate(graph_of(name), PRESETS[size])


def one(layer, shape, machine=LARGE, mapping=None):
    return simulate(trace(nn.Sequential(layer), shape), machine, mapping=mapping).rows[0]


def ratio(name, size, of):
    return of(on(name, size)) / of(on("squeezenext23v5", size))


def cycles(report):
    return report.cycles


def energy(report):
    return report.total_energy


def test_weight_stationary_by_hand():
    fast = replace(LARGE, dram_bytes_per_cycle=1e9)
    row = one(nn.Conv2d(20, 40, 3, padding=1), (20, 30, 30), fast, "weight-stationary")
    assert row.cycles == 9 * 2 * 3 * 900  # kernel positions, tiles of inputs and of outputs, pixels
    assert row.mult_adds == 20 * 40 * 9 * 900
    assert row.utilisation == pytest.approx(20 * 40 / (32 * 48))
    weights, sums = 20 * 40 * 9, 40 * 900 * (2 * 18 - 1)
    through = 20 * 9 * 900 * 3 + weights + sums
    assert row.energy["buffer"] == 6 * (through + row.dram_words)
    assert row.energy["neighbour"] == 2 * 2 * row.mult_adds


def test_weight_stationary_waits_for_weights_where_there_are_few_pixels():
    fast = replace(LARGE, dram_bytes_per_cycle=1e9)
    row = one(nn.Linear(256, 64), (256,), fast, "weight-stationary")
    assert row.cycles == 16 * 4 * 16


def test_output_stationary_by_hand():
    fast = replace(LARGE, dram_bytes_per_cycle=1e9)
    row = one(nn.Conv2d(3, 20, 5, stride=2), (3, 67, 67), fast, "output-stationary")
    # 32 x 32 pixels: 4 tiles; 16 and 4 channels at a time; a patch of 35 x 35 words
    load = -(-35 * 35 // 16)
    per_input = max(25 * 16, load) + max(25 * 4, load)
    assert row.cycles == 4 * (3 * per_input + 20 * 16)
    reads = 4 * 3 * 35 * 35 * 2 + 4 * 3 * 20 * 25 + 20 * 32 * 32
    assert row.energy["buffer"] == 6 * (reads + row.dram_words)


def test_each_layer_takes_the_better_mapping():
    fast = replace(LARGE, dram_bytes_per_cycle=1e9)
    for layer, shape, better in (
        (nn.Conv2d(64, 64, 1), (64, 14, 14), "weight-stationary"),
        (nn.Conv2d(64, 64, 1), (64, 7, 7), "weight-stationary"),
        (nn.Conv2d(3, 64, 7, stride=2), (3, 227, 227), "output-stationary"),
        (nn.Conv2d(64, 64, 3, padding=1, groups=64), (64, 56, 56), "output-stationary"),
    ):
        row = one(layer, shape, fast)
        assert row.mapping == better
        assert row.cycles == min(row.array_cycles.values()) == row.array_cycles[better]


def test_dram_words_of_a_chain():
    """Small tensors stay on the chip; the images come in, the last result leaves."""
    net = nn.Sequential(
        nn.Conv2d(4, 8, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 2, 1, bias=False)
    )
    first, second = simulate(trace(net, (4, 10, 10)), LARGE).rows
    assert first.dram_words == 400 + 32
    assert second.dram_words == 16 + 200
    first, second = simulate(trace(net, (4, 100, 100)), LARGE).rows  # 80,000 words do not stay
    assert first.dram_words == 40_000 + 32 + 80_000
    assert second.dram_words == 80_000 + 16 + 20_000


def test_weights_that_do_not_stay_pass_once_for_every_part_of_the_features():
    tiny = Accelerator(rows=2, columns=2, buffer_bytes=2 * (8 + 2 * 100))
    assert tiny.kept_words == 100
    row = one(nn.Conv2d(10, 30, 1, bias=False), (10, 5, 5), tiny)
    assert row.dram_words == min(250 + 300 * 3, 300 + 250 * 3) + 750


def test_a_shortcut_is_written_once_and_read_again():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = nn.Conv2d(4, 4, 1, bias=False)
            self.two = nn.Conv2d(4, 4, 1, bias=False)

        def forward(self, x):
            y = self.one(x)
            return y + self.two(y)

    one_, two, add = simulate(trace(Block(), (4, 5, 5)), LARGE).rows
    assert (one_.dram_words, two.dram_words) == (100 + 16 + 100, 16)
    assert add.dram_words == 100 + 100
    assert add.mapping is None
    assert add.mult_adds == 0


def test_mult_adds_are_those_of_cost():
    for name in ("squeezenext23_grouped", "shufflenet_v1_g3_x1_0", "googlenet", "se_resnet50"):
        with without_weights():
            net = models.build(name).eval()
        side = models.spec_of(name).input_side
        report = simulate(trace(net, (3, side, side)), SMALL)
        assert report.mult_adds == cost(net, (3, side, side)).mult_adds
        assert report.unmapped == ()
        assert all(0 <= row.utilisation <= 1 for row in report.rows)
        assert report.total_energy == pytest.approx(sum(r.total_energy for r in report.rows))


def test_a_layer_without_loops_is_named():
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ConvTranspose2d(4, 2, 2), nn.ReLU())
    assert simulate(trace(net, (3, 3, 3)), SMALL).unmapped == ("1.conv_transpose2d",)


def test_ratios_that_the_abstract_prints():
    """Printed: 8.26, 2.59, 7.5 and 2.25 times v5's."""
    measured = [
        ratio(name, "16x16", of)
        for of in (cycles, energy)
        for name in ("alexnet", "squeezenet_1_0")
    ]
    assert measured == pytest.approx([7.18, 2.72, 6.43, 2.88], abs=0.005)


def test_every_step_from_v1_to_v5_is_faster_where_the_table_has_it():
    """16x16: 1.22, 1.13, 1.10, 1.04, 1.00. 8x8: 1.17, then alike (here within 4 %)."""
    names = [f"squeezenext23{v}" for v in ("", "v2", "v3", "v4", "v5")]
    large = [ratio(name, "16x16", cycles) for name in names]
    assert large == pytest.approx([1.368, 1.214, 1.135, 1.055, 1.0], abs=0.0005)
    small = [ratio(name, "8x8", cycles) for name in names]
    assert small == pytest.approx([1.247, 1.036, 1.025, 1.014, 1.0], abs=0.0005)


def disagreements(column, of, size):
    """How many pairs of nets Table 3 tells apart, and those in another order here."""
    pairs = [
        (a, b) for a, b in combinations(TABLE_3, 2) if TABLE_3[a][column] != TABLE_3[b][column]
    ]
    return len(pairs), {
        (a, b)
        for a, b in pairs
        if (TABLE_3[a][column] < TABLE_3[b][column]) != (of(on(a, size)) < of(on(b, size)))
    }


def test_orders_of_time():
    """All 71 pairs on 8x8, 74 of 77 on 16x16: MobileNet is too fast here.

    Its depthwise layers take 14 % of the multipliers here, and less there: the table has MobileNet
    as slow as SqueezeNet (2.60 and 2.59), here it takes 2.16 and 2.72.
    """
    assert disagreements(0, cycles, "8x8") == (71, set())
    assert disagreements(2, cycles, "16x16") == (
        77,
        {
            ("squeezenet_1_0", "mobilenet_v1"),
            ("mobilenet_v1", "squeezenext23v4_w200"),
            ("mobilenet_v1", "squeezenext23v5_w200"),
        },
    )


def test_orders_of_energy():
    """72 of 75 pairs on 8x8, 65 of 73 on 16x16.

    Not reproduced: v5's rise over v4 (its larger weights cost less here than its smaller maps
    save), MobileNet above SqueezeNet and the wide nets, and two near ties.
    """
    rise = {(f"squeezenext23{v}", "squeezenext23v5") for v in ("v3", "v4")}
    assert disagreements(1, energy, "8x8") == (75, {*rise, ("squeezenet_1_1", "darknet_tiny")})
    wide = {("mobilenet_v1", f"squeezenext23{v}_w200") for v in ("", "v4", "v5")}
    others = {
        ("squeezenext23v2", "squeezenext23v5"),
        ("squeezenet_1_0", "mobilenet_v1"),
        ("squeezenet_1_0", "squeezenext23v5_w200"),
    }
    assert disagreements(3, energy, "16x16") == (73, rise | wide | others)


def test_utilisation_as_the_paper_discusses():
    """Few channels and depthwise layers leave multipliers idle; v1's early stages on 16x16 do."""
    rows = {row.name: row for row in on("squeezenext23", "16x16").rows}
    stem = rows["stem.conv.conv"]
    by_weights = stem.mult_adds / (stem.array_cycles["weight-stationary"] * LARGE.elements)
    assert by_weights == pytest.approx(3 / 16)  # three of sixteen rows
    assert stem.mapping == "output-stationary"
    assert stem.cycles / on("squeezenext23", "16x16").cycles > 0.25

    def share(stage):
        found = [r for r in rows.values() if r.name.startswith(f"stages.{stage}.") and r.mapping]
        return sum(r.mult_adds for r in found) / (sum(r.cycles for r in found) * LARGE.elements)

    assert share("stage1") < 0.5 < 0.8 < share("stage2") < share("stage3")

    mobile = on("mobilenet_v1", "16x16").rows
    depthwise = [r for r in mobile if r.label == "depthwise 3x3"]
    assert {r.mapping for r in depthwise} == {"output-stationary"}
    assert max(r.utilisation for r in depthwise) < 0.15
    inner = [r for r in mobile if r.label == "1x1" and r.name.startswith("stages.stage4")]
    assert {(r.mapping, r.utilisation) for r in inner} == {("weight-stationary", 1.0)}


def test_presets_and_any_other_size():
    assert parse_accelerator("8x8").buffer_bytes == 32 * 1024
    assert parse_accelerator("16x16").label == "16x16, 128 KB"
    other = parse_accelerator("12x14,108KB")
    assert (other.rows, other.columns, other.buffer_bytes) == (12, 14, 108 * 1024)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("16x17", r"No accelerator '16x17'\. Use 8x8, 16x16, or rows x columns and the buffer"),
        ("big", r"No accelerator 'big'"),
        ("0x4,32KB", r"rows=0 is too small"),
        ("9999x4,32KB", r"is too large"),
        ("64x64,1KB", r"does not hold two tiles of weights of 64 x 64 words"),
    ],
)
def test_sizes_that_cannot_be(text, message):
    with pytest.raises(UserError, match=message):
        parse_accelerator(text)


def test_printing(capsys):
    graph = graph_of("squeezenet_1_1")
    print_accelerator("squeezenet_1_1", graph, "16x16")
    out = capsys.readouterr().out
    report = on("squeezenet_1_1", "16x16")
    for part in ("16x16, 128 KB", f"{report.cycles:,}", "stem.conv", "Left out:"):
        assert part in out
    for mapping in MAPPINGS:
        assert f"{simulate(graph, LARGE, mapping=mapping).cycles:,}" in out
    read = json.loads(json.dumps(accelerator_dict(graph, "16x16"), allow_nan=False))
    assert read["cycles"] == report.cycles
    assert read["left_out"] == LEFT_OUT
    assert len(read["rows"]) == len(report.rows)
