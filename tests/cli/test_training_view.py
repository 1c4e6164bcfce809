"""What a person sees of a run: smoothed figures, words, lines where there is no terminal."""

import io

import pytest

from convatlas.cli import _training_view
from convatlas.cli._console import Progress
from convatlas.cli._training_figures import Figures, Smoothed
from convatlas.cli._training_view import View
from convatlas.training import Status


def status(step=10, **changes):
    values = {
        "step": step, "steps": 100, "epoch": 1.5, "loss": 2.0, "learning_rate": 0.1,
        "images_per_s": 100.0, "wait_share": 0.05, "seconds": 5.0, "seconds_left": 45.0,
        "memory_bytes": 5 * 10**8,
    }  # fmt: skip
    return Status(**(values | changes))


def test_a_smoothed_value_is_unbiased_and_forgets():
    one = Smoothed()
    assert one.value is None
    one.add(4.0)
    assert one.value == pytest.approx(4.0)
    one.add(float("nan"))
    assert one.value == pytest.approx(4.0)
    one.add(1.0)  # weights 0.09 and 0.1
    assert one.value == pytest.approx((0.09 * 4 + 0.1 * 1) / 0.19)
    for _ in range(200):
        one.add(1.0)
    assert one.value == pytest.approx(1.0)


def test_figures_say_what_there_is():
    figures = Figures()
    assert figures.rows() == []
    assert figures.line() == ""
    figures.take(status())
    figures.accuracy = (81.25, 5)
    assert dict(figures.rows()) == {
        "loss": "2", "rate": "0.1", "epoch": "1.50", "images/s": "100", "waiting": "5 %",
        "memory": "500 MB", "validation": "81.25 % at 5",
    }  # fmt: skip
    assert figures.line() == (
        "step 10/100, epoch 1.50, loss 2, rate 0.1, validation 81.25 % at 5, 100 images/s, 5 % of "
        "the time waiting for images, 500 MB, 45 s left"
    )


@pytest.mark.parametrize(("share", "bound"), [(0.19, False), (0.21, True)])
def test_a_run_that_waits_for_images_is_called_loader_bound(share, bound):
    figures = Figures()
    figures.take(status(wait_share=share))
    assert ("loader-bound" in figures.line()) is bound
    assert ("loader-bound" in dict(figures.rows())["waiting"]) is bound


def test_the_time_left_goes_by_the_smoothed_speed():
    """90 steps of 50 images are left: 45 s at 100 images/s; one fast half second changes little."""
    figures = Figures()
    for _ in range(100):
        figures.take(status())
    assert figures.seconds_left == pytest.approx(45.0)
    figures.take(status(images_per_s=1000.0, seconds_left=4.5))
    assert figures.seconds_left == pytest.approx(45 * (0.9 + 0.1 * 0.1), rel=1e-3)


@pytest.fixture
def clock(monkeypatch):
    """The time that the view goes by."""
    now = [100.0]
    monkeypatch.setattr(_training_view, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def lines(capsys):
    return lambda: capsys.readouterr().err.splitlines()


def test_without_a_terminal_a_line_comes_every_30_seconds(clock, lines):
    view = View(Progress(), live=False)
    for second in range(70):
        clock[0] = 100.0 + second
        view.status(status(step=second))
    assert [line.split(",")[0] for line in lines()] == ["step 5/100", "step 35/100", "step 65/100"]
    view.status(status(step=100))
    (last,) = lines()
    assert last.startswith("step 100/100, ")
    assert "left" not in last


def test_validations_and_events_are_told(clock, lines):
    view = View(Progress(), live=False)
    view.entry("training", {"step": 1, "epoch": 0.1, "loss": 1.0, "learning_rate": 0.1})
    view.entry("validation", {"step": 9, "accuracy": 50.0, "loss": 1.25, "images": 8})
    view.entry("memory", {"step": 9, "micro_batches": 2, "norms": "see a batch's 2th part"})
    assert lines() == [
        "validation at step 9: 50.00 % of 8 images, loss 1.2500",
        "step 9: memory did not suffice; a batch is now worked through in 2 parts, and norms see "
        "a batch's 2th part",
    ]


def test_events_without_end_do_not_fill_the_screen(clock, lines):
    view = View(Progress(), live=False)
    for step in range(50):
        view.entry("unreadable", {"step": step, "images": {f"{step}.png": "truncated"}})
    told = lines()
    assert len(told) == 11
    assert told[-1] == "unreadable: from here on counted, not told"


def test_an_image_that_cannot_be_read_is_named_once(clock, lines):
    view = View(Progress(), live=False)
    for step, names in ((1, "a"), (2, "a"), (3, "ab")):
        view.entry("unreadable", {"step": step, "images": dict.fromkeys(names, "empty")})
    assert [line.partition(": ")[2].rpartition(": ")[2] for line in lines()] == [
        "'a' (empty)",
        "'b' (empty)",
    ]


def test_on_a_terminal_the_figures_stand_in_as_many_columns_as_fit():
    from rich.console import Console

    figures = Figures()
    figures.take(status())
    for width, expected in ((100, 2), (60, 3), (20, 6)):
        file = io.StringIO()
        Console(file=file, width=width).print(_training_view._Grid(figures))
        assert len(file.getvalue().strip("\n").splitlines()) == expected, width
