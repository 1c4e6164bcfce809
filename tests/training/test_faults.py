"""Signals and full disks, in processes of their own."""

import os
import random
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from convatlas.errors import UserError
from convatlas.training._checkpoint import DAMAGED, NEWEST
from tests.training.job import job
from tests.training.small import Breaker, Small, digest

STEPS = 1500  # of the run that is killed
ROOT = Path(__file__).parents[2]


@contextmanager
def started(folder, *, steps=40, pause=0.0, checkpoint_seconds=1000.0):
    """The job in a process of its own, which does not outlive the test."""
    arguments = [str(folder), str(steps), str(pause), str(checkpoint_seconds)]
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.training.job", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def ended(process):
    out, err = process.communicate(timeout=200)
    return process.returncode, out.strip(), err


def wait_for_a_step(process):
    line = process.stdout.readline()
    assert line.startswith("step"), process.stderr.read()


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_writes_the_checkpoint_and_ends(tmp_path, sent, code):
    run = tmp_path / "run"
    with started(run, pause=0.05) as process:
        wait_for_a_step(process)
        with pytest.raises(UserError, match=rf"in use .* process \(pid {process.pid}\)"):
            job(run, steps=40)
        process.send_signal(sent)
        returned, _, err = ended(process)
    assert returned == code, err
    assert (run / NEWEST).exists()
    assert digest(job(run, steps=40).net) == digest(job(tmp_path / "whole", steps=40).net)


def test_handlers_are_given_back(tmp_path):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    Small().run(tmp_path)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_thread_that_is_not_the_main_one_trains_too(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as executor:
        result = executor.submit(Small().run, tmp_path / "thread").result()
    assert digest(result.net) == digest(Small().run(tmp_path / "main").net)


@contextmanager
def files_up_to(size):
    """No file may grow beyond `size` bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("limit", "message"),
    [(20_000, r"No space left to write .*checkpoint\.safetensors"), (900, r"Cannot write .*log\.")],
)
def test_a_full_disk_leaves_the_old_checkpoint(tmp_path, limit, message):
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        job(run, steps=40, progress=Breaker(10, KeyboardInterrupt))
    before = (run / NEWEST).read_bytes()
    with files_up_to(limit), pytest.raises(UserError, match=message):
        job(run, steps=40)
    assert (run / NEWEST).read_bytes() == before
    assert not list(run.glob(".tmp-*"))
    assert digest(job(run, steps=40).net) == digest(job(tmp_path / "whole", steps=40).net)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_random_moments(tmp_path):
    """Also while a checkpoint is being written: they follow each other as fast as they may."""
    moments = random.Random(0)
    run, whole = tmp_path / "run", tmp_path / "whole"
    kills = 0
    while kills < 10:
        with started(run, steps=STEPS, pause=0.005, checkpoint_seconds=0.0) as process:
            wait_for_a_step(process)
            time.sleep(moments.uniform(0, 0.4))
            process.kill()
            returned, _, err = ended(process)
        assert returned == -signal.SIGKILL, err  # not at its end before the tenth kill
        kills += 1
    result, expected = job(run, steps=STEPS), job(whole, steps=STEPS)
    assert digest(result.net) == digest(expected.net)
    assert result.history == expected.history
    assert result.validation == expected.validation
    assert not (run / DAMAGED).exists()
