"""N processes with B/N images each do what one does with B."""

import json

import pytest
import torch
from safetensors.torch import load_file

from convatlas.training import World
from tests.training.processes import outcome, together
from tests.training.shared_steps import CASES, kinds, run, steps


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """What two processes got."""
    folder = tmp_path_factory.mktemp("shared")
    with together("tests.training.shared_steps", [str(folder)]) as processes:
        for process in processes:
            code, _, err = outcome(process)
            assert code == 0, err
    return folder


def _of_both(folder, name, dtype):
    place = folder / f"{list(CASES).index(name)}-{str(dtype)[6:]}"
    losses = json.loads((folder / f"{place}-0.json").read_text())
    return losses, *(load_file(f"{place}-{rank}.safetensors") for rank in (0, 1))


# Sums over the batch are taken in another order: a relative error of some roundings, which steps
# with momentum let grow. Largest found: 1e-15 with float64, 2e-6 with float32.
TOLERANCE = {torch.float64: 1e-13, torch.float32: 1e-4}


@pytest.mark.parametrize(
    ("name", "dtype"), [(name, dtype) for name in CASES for dtype in kinds(name)]
)
def test_two_processes_with_half_the_batch_are_one_with_all(shared, name, dtype):
    losses, first, second = _of_both(shared, name, dtype)
    alone, tolerance = steps(name, World(), dtype), TOLERANCE[dtype]
    assert losses == pytest.approx(alone.losses, rel=tolerance)
    assert set(first) == set(second) == set(alone.tensors)
    for key, expected in alone.tensors.items():
        if "running" not in key or dict(CASES)[name][1].sync_norms:
            for found in (first, second):
                torch.testing.assert_close(found[key], expected, rtol=tolerance, atol=tolerance)


def test_every_validation_image_is_counted_once(shared, tmp_path):
    """31 images: one process has 16, the other 15."""
    run(tmp_path / "alone", World())
    both, alone = (
        [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        for folder in (shared / "run", tmp_path / "alone")
    )
    assert [entry["images"] for entry in both if entry["kind"] == "validation"] == [31] * 10
    for found, expected in zip(both, alone, strict=True):
        assert found == {
            key: pytest.approx(value, rel=1e-4) if isinstance(value, float) else value
            for key, value in expected.items()
        }
