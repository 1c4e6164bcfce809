"""This machine's roofline has figures that a machine can have, and predicts by them."""

import pytest
from torch import nn

from convatlas.analysis.doctor import DEFAULT, examine
from convatlas.device import _roofline as roofline
from convatlas.device import measured_machine


def test_a_measured_machine_predicts(monkeypatch):
    monkeypatch.setattr(roofline, "_ROUNDS", 1)
    monkeypatch.setattr(roofline, "_SIDE", 256)
    monkeypatch.setattr(roofline, "_COPIED", 2**20)
    machine = measured_machine()
    assert 1e8 < machine.mult_adds_per_s < 1e14
    assert 1e8 < machine.bandwidth < 1e13
    assert 0 < machine.overhead_s < 1e-2
    assert [work for work, _ in machine.efficiency] == [work for work, _ in DEFAULT.efficiency]
    assert all(0 < part <= 1 for _, part in machine.efficiency)
    assert "thread(s), measured" in machine.name
    assert examine(nn.Conv2d(3, 8, 3), (3, 32, 32), machine=machine).seconds > machine.overhead_s


def test_rates_come_from_the_fewest_seconds(monkeypatch):
    """A clock that ticks half a second per look: each block of three runs takes that long."""
    ticks = iter(0.5 * i for i in range(10_000))
    monkeypatch.setattr(roofline.time, "perf_counter", lambda: next(ticks))
    calls = []
    assert roofline._best(lambda: calls.append(1), runs=5) == pytest.approx(0.1)
    assert len(calls) == 1 + 5 * roofline._ROUNDS
    layer = nn.MaxPool2d(3, 1, padding=1)
    assert roofline._efficiency(layer, 10**6, 1e9, 0.0) == pytest.approx(1e6 / (0.5 / 3) / 1e9)
