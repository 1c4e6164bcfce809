"""Scores that outlive their process: whole pieces, one run per directory, nothing twice."""

import json
import os
import random
import signal
import time
from multiprocessing import get_context

import numpy as np
import pytest

from convatlas.errors import UserError
from convatlas.evaluation._processes import fill
from convatlas.evaluation._store import Piece, Store
from tests.evaluation.scorers import Counted, K, expected, run_of, scored


def filled(directory, run=None, **options):
    store = Store(directory, run or run_of())
    store.prepare()
    fill(store, Counted(directory / "log", **options))
    return store


def files(directory):
    """What is kept; not what a killed writer left, whose name begins with a dot."""
    kept = (path for path in directory.iterdir() if path.name not in ("log", "claims"))
    return {path.name: path.read_bytes() for path in kept if not path.name.startswith(".")}


def test_all_images_in_order_and_the_unreadable_by_number(tmp_path):
    store = filled(tmp_path, unreadable=(0, 6, 49))
    probabilities, unreadable = store.joined()
    numbers = [i for i in range(50) if i not in (0, 6, 49)]
    assert np.array_equal(probabilities, expected(numbers))
    assert isinstance(probabilities, np.memmap)
    assert unreadable == {0: "broken 0", 6: "broken 6", 49: "broken 49"}
    assert [image for _, image in scored(tmp_path / "log")] == list(range(50))


def test_nothing_is_scored_again(tmp_path):
    filled(tmp_path)
    before = files(tmp_path)

    def never():
        raise AssertionError

    fill(Store(tmp_path, run_of()), never)
    assert files(tmp_path) == before


@pytest.mark.parametrize("field", ["model", "weights", "data", "images", "protocol"])
def test_another_run_is_refused_by_what_differs(tmp_path, field):
    filled(tmp_path)
    with pytest.raises(UserError) as caught:
        Store(tmp_path, run_of(**{field: "other"})).prepare()
    was = getattr(run_of(), field)
    assert f"scores of another evaluation: {field} {was!r}, now 'other'. Give" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"[" * 100_000])
def test_a_directory_of_something_else_is_refused(tmp_path, content):
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(UserError, match=r"run\.json' does not say whose scores"):
        Store(tmp_path, run_of()).prepare()


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(UserError, match="Cannot keep scores in"):
        Store(tmp_path / "out", run_of()).prepare()


def damage(content, how):
    if how == "cut":
        return content[:-1]
    if how == "bit":
        return content[:-1] + bytes([content[-1] ^ 1])
    return b"" if how == "empty" else content[:8] + b"x" + content[9:]


@pytest.mark.parametrize("how", ["cut", "bit", "empty", "header"])
def test_a_damaged_piece_is_named_and_only_it_is_scored_again(tmp_path, how):
    store = filled(tmp_path)
    before = files(tmp_path)
    path = store.path(3)
    path.write_bytes(damage(path.read_bytes(), how))
    with pytest.raises(UserError, match=f"{path.name}' is damaged.*only its 4 images"):
        store.joined()
    path.unlink()
    (tmp_path / "log").unlink()
    store = filled(tmp_path)
    assert [image for _, image in scored(tmp_path / "log")] == [12, 13, 14, 15]
    assert files(tmp_path) == before


def test_a_piece_of_another_run_is_not_taken_for_ours(tmp_path):
    one, two = filled(tmp_path / "a"), filled(tmp_path / "b", run_of(protocol="flip()"))
    one.path(0).write_bytes(two.path(0).read_bytes())
    with pytest.raises(UserError, match="is damaged"):
        one.joined()


@pytest.mark.parametrize("numbers", [(0, 1, 2), (0, 1, 2, 2), (0, 1, 2, 3, 4), (4, 5, 6, 7)])
def test_a_piece_with_other_images_than_its_own_is_not_kept(tmp_path, numbers):
    store = Store(tmp_path, run_of())
    store.prepare()
    with pytest.raises(RuntimeError, match="exactly once"):
        store.write(0, Piece(np.array(numbers), np.ones((len(numbers), K), np.float32)))
    assert store.missing()[0] == 0


def killed(directory, run, after, seconds):
    """Score in another process and kill it; whether it was done by then."""

    def work():
        store = Store(directory, run)
        store.prepare()
        fill(store, Counted(directory / "log", seconds=seconds))

    process = get_context("fork").Process(target=work)
    process.start()
    time.sleep(after)
    process.kill()
    process.join()
    return process.exitcode == 0


def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(tmp_path):
    run = run_of(n=200, piece=5)
    filled(tmp_path / "whole", run)
    moments, kills = random.Random(0), 0
    cut = tmp_path / "cut"
    while not killed(cut, run, moments.uniform(0.005, 0.08), 0.001):
        kills += 1
        assert kills < 200
    assert kills >= 3
    assert files(cut) == files(tmp_path / "whole")
    whole, parts = (Store(tmp_path / name, run).joined() for name in ("whole", "cut"))
    assert np.array_equal(whole[0], parts[0])
    assert files(cut) == files(tmp_path / "whole")  # the joined file too
    images = [image for _, image in scored(cut / "log")]
    assert set(images) == set(range(200))
    assert len(images) <= 200 + 5 * kills  # at most one piece is lost by a kill


def test_killed_while_a_piece_is_written_nothing_of_it_counts(tmp_path):
    store = Store(tmp_path, run_of(n=8, piece=4))
    store.prepare()

    def work():
        os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)  # content is written by now
        fill(store, Counted(tmp_path / "log"))

    process = get_context("fork").Process(target=work)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert store.missing() == [0, 1]
    fill(store, Counted(tmp_path / "log"))
    assert np.array_equal(store.joined()[0], expected(range(8)))


def test_processes_that_share_a_directory_score_each_image_once(tmp_path):
    run = run_of(n=120, piece=4)
    filled(tmp_path / "one", run)
    shared = tmp_path / "shared"
    Store(shared, run).prepare()

    def work():
        fill(Store(shared, run), Counted(shared / "log", seconds=0.001))

    processes = [get_context("fork").Process(target=work) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    told = scored(shared / "log")
    assert sorted(image for _, image in told) == list(range(120))
    assert len({process for process, _ in told}) == 3
    assert files(shared) == files(tmp_path / "one")


def test_what_a_killed_process_held_is_taken_over_at_once(tmp_path):
    run = run_of(n=8, piece=4)
    Store(tmp_path, run).prepare()

    held, holding = get_context("fork").Pipe(duplex=False)

    def hold():
        with Store(tmp_path, run).claimed(1) as mine:
            holding.send(mine)
            time.sleep(60)

    holder = get_context("fork").Process(target=hold)
    holder.start()
    assert held.recv()
    store = Store(tmp_path, run)
    with store.claimed(1) as mine:
        assert not mine
    steps = []

    def told(*step):
        steps.append(step)
        if step[1] == 4:
            holder.kill()

    fill(store, Counted(tmp_path / "log"), progress=told)
    holder.join()
    assert [image for _, image in scored(tmp_path / "log")] == list(range(8))
    assert steps[-1] == ("scoring images", 8, 8)
    assert json.loads((tmp_path / "run.json").read_bytes())["n"] == 8
