"""Processes started for one evaluation."""

import multiprocessing
import subprocess
import sys
import time

import psutil
import pytest

from convatlas.errors import UserError
from convatlas.evaluation._processes import fill
from convatlas.evaluation._store import Store
from tests.evaluation.scorers import Counted, run_of, scored


def test_two_processes_share_the_images_and_tell_their_progress(tmp_path):
    store = Store(tmp_path, run_of(n=400, piece=4))
    store.prepare()
    steps = []
    fill(
        store, Counted(tmp_path / "log", seconds=0.005), processes=2,
        progress=lambda *step: steps.append(step),
    )  # fmt: skip
    told = scored(tmp_path / "log")
    assert sorted(image for _, image in told) == list(range(400))
    assert len({process for process, _ in told}) == 2
    done = [now for _, now, _ in steps]
    assert done == sorted(done)
    assert done[-1] == 400
    assert len(done) > 2
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_the_error_of_one_process_ends_all(tmp_path):
    store = Store(tmp_path, run_of(n=40, piece=4))
    store.prepare()
    with pytest.raises(UserError, match="image 17 cannot be scored"):
        fill(store, Counted(tmp_path / "log", refuse=17, seconds=0.01), processes=2)
    assert not multiprocessing.active_children()
    assert 4 in store.missing()
    fill(store, Counted(tmp_path / "log"))
    assert store.missing() == []


SHARED = """
import sys
from pathlib import Path
from convatlas.evaluation._processes import fill
from convatlas.evaluation._store import Store
from tests.evaluation.scorers import Counted, run_of
if __name__ == "__main__":
    store = Store(Path(sys.argv[1]), run_of(n=4000, piece=4))
    store.prepare()
    fill(store, Counted(Path(sys.argv[1]) / "log", seconds=0.01), processes=2)
"""


@pytest.mark.slow
def test_processes_do_not_outlive_a_killed_parent(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SHARED)
    command = [sys.executable, str(script), str(tmp_path / "out")]
    with subprocess.Popen(command, env={"PYTHONPATH": ".:src"}) as parent:
        until = time.monotonic() + 60
        log = tmp_path / "out" / "log"
        while not log.exists() or len({process for process, _ in scored(log)}) < 2:
            assert time.monotonic() < until
            time.sleep(0.05)
        children = psutil.Process(parent.pid).children(recursive=True)
        parent.kill()
    assert len(children) >= 2
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []
