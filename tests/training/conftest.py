import pytest

from convatlas.training import _surroundings


@pytest.fixture(autouse=True)
def report_every_step(monkeypatch):
    monkeypatch.setattr(_surroundings, "_PROGRESS_S", 0.0)
