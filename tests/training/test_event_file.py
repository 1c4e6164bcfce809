"""Files for TensorBoard, read back with protobuf's own parser."""

import json
import struct
from functools import cache

import pytest

from convatlas.training import Status, TensorBoard
from convatlas.training._event_file import EventFile, _checksum

pytest.importorskip("google.protobuf")

_STRING, _DOUBLE, _FLOAT, _INT32, _INT64, _MESSAGE = 9, 1, 2, 5, 3, 11


@cache
def event_class():
    """`Event` as tensorflow/core/util/event.proto declares it, as far as scalars need it."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="e.proto", package="t", syntax="proto3")

    def message(name, *parts):
        one = file.message_type.add(name=name)
        for field, number, kind, label, of in parts:
            one.field.add(name=field, number=number, type=kind, label=label, type_name=of or None)

    message("Value", ("tag", 1, _STRING, 1, ""), ("simple_value", 2, _FLOAT, 1, ""))
    message("Summary", ("value", 1, _MESSAGE, 3, ".t.Value"))
    message("SessionLog", ("status", 1, _INT32, 1, ""))
    message(
        "Event",
        ("wall_time", 1, _DOUBLE, 1, ""), ("step", 2, _INT64, 1, ""),
        ("file_version", 3, _STRING, 1, ""), ("summary", 5, _MESSAGE, 1, ".t.Summary"),
        ("session_log", 7, _MESSAGE, 1, ".t.SessionLog"),
    )  # fmt: skip
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Event"))


def events(folder):
    """Every event of a folder, file by file as TensorBoard goes."""
    found = []
    for path in sorted(folder.iterdir()):
        assert path.name.startswith("events.out.tfevents.")
        content, place = path.read_bytes(), 0
        while place < len(content):
            (length,) = struct.unpack_from("<Q", content, place)
            assert content[place + 8 : place + 12] == _checksum(content[place : place + 8])
            record = content[place + 12 : place + 12 + length]
            assert content[place + 12 + length : place + 16 + length] == _checksum(record)
            found.append(event_class().FromString(record))
            place += 16 + length
    return found


def shown(folder):
    """What TensorBoard shows: a START voids the points at its step and later ones."""
    curves = {}
    for event in events(folder):
        if event.HasField("session_log"):
            assert event.session_log.status == 1
            curves = {
                tag: [(s, v) for s, v in points if s < event.step] for tag, points in curves.items()
            }
        for value in event.summary.value:
            curves.setdefault(value.tag, []).append((event.step, value.simple_value))
    return curves


def test_checksums_are_those_of_tfrecord_files():
    # CRC-32C of "123456789" is e3069283 (RFC 3720, B.4 has the polynomial); masked: rotated right
    # by 15 bits, plus a282ead8.
    crc = 0xE3069283
    masked = (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
    assert _checksum(b"123456789") == struct.pack("<I", masked)


def test_scalars_are_read_back(tmp_path):
    file = EventFile(tmp_path)
    file.add(3, {"a": 0.5, "b": -2.0})
    file.add(1_000_000_000, {"a": 1.25})
    file.close()
    first, *rest = events(tmp_path)
    assert first.file_version == "brain.Event:2"
    assert [e.step for e in rest] == [3, 1_000_000_000]
    assert shown(tmp_path) == {"a": [(3, 0.5), (1_000_000_000, 1.25)], "b": [(3, -2.0)]}


class Run:
    """A log, and a TensorBoard that is told each of its lines as a run does."""

    def __init__(self, folder):
        self.log = folder / "run" / "log.jsonl"
        self.log.parent.mkdir()
        self.board_folder = folder / "tensorboard"
        self.begin()

    def begin(self):
        self.board = TensorBoard(self.board_folder, self.log.parent)

    def tell(self, kind, **values):
        with self.log.open("a") as file:
            file.write(json.dumps({"kind": kind, **values}) + "\n")
        self.board.entry(kind, values)

    def train(self, *steps, loss=1.0):
        for step in steps:
            self.tell("training", step=step, epoch=0.1, loss=loss * step, learning_rate=0.5)

    def cut(self, lines):
        kept = self.log.read_bytes().splitlines(keepends=True)[:lines]
        self.log.write_bytes(b"".join(kept))


def test_a_run_that_is_killed_and_taken_up_shows_each_point_once(tmp_path):
    run = Run(tmp_path)
    run.train(1, 2, 3, 4)
    run.board.close()
    run.cut(2)  # the checkpoint was at step 2
    run.begin()
    run.train(3, 4, 5, loss=2.0)
    run.board.close()
    assert shown(tmp_path / "tensorboard")["training/loss"] == [
        (1, 1.0), (2, 2.0), (3, 6.0), (4, 8.0), (5, 10.0)
    ]  # fmt: skip


def test_a_line_of_the_same_step_before_the_checkpoint_is_kept(tmp_path):
    run = Run(tmp_path)
    run.train(1, 2)
    run.board.close()
    run.begin()  # stopped between the line of step 2 and its validation
    run.tell("validation", step=2, accuracy=50.0, loss=1.5, images=8)
    run.board.close()
    curves = shown(tmp_path / "tensorboard")
    assert curves["training/loss"] == [(1, 1.0), (2, 2.0)]
    assert curves["validation/accuracy"] == [(2, 50.0)]


def test_a_run_that_went_back_shows_what_it_did_then(tmp_path):
    run = Run(tmp_path)
    run.train(1, 2, 3)
    run.cut(1)
    run.tell("went_back", step=1, failed_step=4, what="the loss is nan", rate="halved 1 times")
    run.train(2, 3, loss=3.0)
    run.board.close()
    assert shown(tmp_path / "tensorboard")["training/loss"] == [(1, 1.0), (2, 6.0), (3, 9.0)]


def test_asked_for_late_it_shows_the_whole_run(tmp_path):
    run = Run(tmp_path)
    run.train(1, 2, 3)
    run.board.close()
    for path in run.board_folder.iterdir():
        path.unlink()
    run.begin()
    run.train(4)
    run.board.close()
    points = shown(tmp_path / "tensorboard")["training/loss"]
    assert [step for step, _ in points] == [1, 2, 3, 4]


def test_speed_and_memory_come_with_the_lines(tmp_path):
    run = Run(tmp_path)
    run.train(1)
    run.board.status(
        Status(
            step=1,
            steps=9,
            epoch=0.1,
            loss=1.0,
            learning_rate=0.5,
            images_per_s=640.0,
            wait_share=0.25,
            seconds=1.0,
            seconds_left=8.0,
            memory_bytes=1 << 20,
        )
    )
    run.train(2)
    run.board.close()
    curves = shown(tmp_path / "tensorboard")
    assert curves["pace/images_per_s"] == [(2, 640.0)]
    assert curves["pace/wait_share"] == [(2, 0.25)]
    assert curves["memory/peak_bytes"] == [(2, float(1 << 20))]


def test_a_loss_that_was_never_finite_has_no_point(tmp_path):
    run = Run(tmp_path)
    run.tell("training", step=1, epoch=0.1, loss=None, learning_rate=0.5)
    run.board.close()
    assert shown(tmp_path / "tensorboard") == {"training/learning_rate": [(1, 0.5)]}
