"""Timing: what is measured and how it is told, never how fast this machine is."""

import gc
import json
import math
import time

import numpy as np
import pytest

from convatlas import device
from convatlas.device import Session
from convatlas.device._timing import LEAST_MEASUREMENT_S
from tests.device import onnx_models


def fake(predict: object) -> Session:
    return Session(
        predict=predict, runtime="fake", threads=3, dtype="float32", versions={"fake": "1"}
    )


class Sleeper:
    """Takes at least `seconds` and notes when it was called."""

    def __init__(self, name: str, seconds: float, log: list[str]) -> None:
        self.name, self.seconds, self.log = name, seconds, log

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.log.append(self.name)
        end = time.perf_counter() + self.seconds
        while time.perf_counter() < end:
            pass
        return images


def test_a_net_fifty_times_heavier_is_slower() -> None:
    light = device.open_runtime(onnx_models.content(width=16, side=16, depth=2))
    heavy = device.open_runtime(onnx_models.content(width=128, side=16, depth=4))
    found = device.time_sessions({"light": light, "heavy": heavy}, (3, 16, 16), seconds=0.05)
    assert list(found) == ["light", "heavy"]
    assert found["heavy"].median_s > 5 * found["light"].median_s
    for timing in found.values():
        assert 10 <= timing.n <= 1000
        assert 0 < timing.q1_s <= timing.median_s <= timing.q3_s
        assert timing.first_s > 0
        assert timing.runs_at_once >= 1
        assert (timing.runtime, timing.threads, timing.batch) == ("onnxruntime", 1, 1)
        assert timing.device == device.machine()["cpu"]
        assert json.loads(json.dumps(timing.as_dict(), allow_nan=False)) == timing.as_dict()
        assert set(timing.as_dict()) == set(timing.__slots__)


def test_median_is_of_a_single_run_and_fast_runs_are_timed_together() -> None:
    log: list[str] = []
    slow, fast = Sleeper("slow", 2e-3, log), Sleeper("fast", 2e-5, log)
    found = device.time_sessions({"s": fake(slow), "f": fake(fast)}, (1, 2, 2), seconds=0.0)
    assert found["s"].runs_at_once == 1
    assert 2 <= found["f"].runs_at_once <= math.ceil(LEAST_MEASUREMENT_S / 2e-5)
    assert found["f"].q1_s >= 2e-5
    assert found["f"].median_s < LEAST_MEASUREMENT_S / 2
    assert found["s"].q1_s >= 2e-3
    assert found["s"].n == found["f"].n == 10
    assert log.count("slow") == 10 + 1 + 3


def test_rounds_hold_every_session_in_changing_order_repeated_by_the_seed() -> None:
    def order(seed: int) -> list[str]:
        log: list[str] = []
        sessions = {name: fake(Sleeper(name, 6e-4, log)) for name in "abc"}
        device.time_sessions(sessions, (1, 2, 2), seconds=0.0, rounds=(12, 12), seed=seed)
        return log[-36:]

    rounds = [tuple(order(5)[i : i + 3]) for i in range(0, 36, 3)]
    assert all(sorted(each) == ["a", "b", "c"] for each in rounds)
    assert len(set(rounds)) > 2
    assert order(5) == order(5)
    assert order(5) != order(6)


def test_a_session_that_had_its_seconds_sits_out() -> None:
    log: list[str] = []
    sessions = {"s": fake(Sleeper("slow", 5e-3, log)), "f": fake(Sleeper("fast", 1e-3, log))}
    found = device.time_sessions(sessions, (1, 2, 2), seconds=0.06)
    assert 10 <= found["s"].n <= 12
    assert found["s"].n < found["f"].n <= 60


def test_the_number_of_rounds_is_bounded() -> None:
    found = device.time_sessions(
        {"f": fake(Sleeper("f", 6e-4, []))}, (1, 2, 2), seconds=60.0, rounds=(2, 5)
    )
    assert found["f"].n == 5


def test_images_have_the_batch_and_shape_and_collection_is_off() -> None:
    seen: set[tuple[object, ...]] = set()

    def predict(images: np.ndarray) -> np.ndarray:
        seen.add((images.shape, images.dtype.name, gc.isenabled()))
        time.sleep(1e-3)
        return images

    assert gc.isenabled()
    timing = device.time_sessions({"a": fake(predict)}, (3, 5, 7), batch=4, seconds=0.0)["a"]
    assert seen == {((4, 3, 5, 7), "float32", False)}
    assert timing.batch == 4
    assert gc.isenabled()


def test_collection_is_on_again_after_an_error() -> None:
    def broken(images: np.ndarray) -> np.ndarray:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        device.time_sessions({"a": fake(broken)}, (1, 2, 2))
    assert gc.isenabled()
