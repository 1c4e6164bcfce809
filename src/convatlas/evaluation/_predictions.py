"""What a net said of every image, as a file for other programs: JSON lines or a Parquet table."""

import json
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from convatlas.errors import UserError
from convatlas.evaluation._scored import Scored
from convatlas.files import writing

_ROWS = 10_000  # held at once
_TOP = 5
Save = Callable[[Scored], None]


def saver(path: Path) -> Save:
    """What writes a `Scored` to `path`; its ending, .jsonl or .parquet, says how.

    Each image is a row: image, truth, predicted, correct, rank (of the true class, ties counted
    against it), probability (of the predicted class), loss (nats), and top, the five likeliest
    classes. Unreadable images come last, with an error and nothing else. The file is written whole
    or not at all; memory does not grow with the images.

    Raises:
        UserError: for another ending, or if pyarrow is missing: before anything is scored.
    """
    if path.suffix == ".jsonl":
        return lambda scored: _write_lines(path, scored)
    if path.suffix != ".parquet":
        raise UserError(
            f"Cannot save predictions as {str(path)!r}: the name must end in .jsonl or .parquet."
        )
    if find_spec("pyarrow") is None:
        raise UserError(
            f"Writing {str(path)!r} needs pyarrow: pip install 'convatlas[tables]'. "
            "A name that ends in .jsonl needs nothing more."
        )
    return lambda scored: _write_table(path, scored)


def _write_lines(path: Path, scored: Scored) -> None:
    with writing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for rows in _blocks(scored):
            file.writelines(json.dumps(row, allow_nan=False) + "\n" for row in rows)


def _write_table(path: Path, scored: Scored) -> None:
    import pyarrow
    from pyarrow import parquet

    top = pyarrow.struct([("class", pyarrow.string()), ("probability", pyarrow.float64())])
    schema = pyarrow.schema(
        [
            ("image", pyarrow.string()),
            ("truth", pyarrow.string()),
            ("predicted", pyarrow.string()),
            ("correct", pyarrow.bool_()),
            ("rank", pyarrow.int64()),
            ("probability", pyarrow.float64()),
            ("loss", pyarrow.float64()),
            ("top", pyarrow.list_(top)),
            ("error", pyarrow.string()),
        ],
        metadata={"model": scored.model, "protocol": scored.protocol},
    )
    with writing(path) as temporary, parquet.ParquetWriter(temporary, schema) as file:
        for rows in _blocks(scored):
            file.write_table(pyarrow.Table.from_pylist(rows, schema=schema))


def _blocks(scored: Scored) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(scored), _ROWS):
        yield list(_rows(scored, range(start, min(start + _ROWS, len(scored)))))
    lost = [
        {**dict.fromkeys(_FIELDS), "image": file.name, "error": file.reason}
        for file in scored.unreadable
    ]
    if lost:
        yield lost


_FIELDS = ("image", "truth", "predicted", "correct", "rank", "probability", "loss", "top", "error")


def _rows(scored: Scored, numbers: range) -> Iterator[dict[str, Any]]:
    found, classes = scored.outcomes, scored.classes
    shares = np.asarray(scored.probabilities[numbers.start : numbers.stop], np.float64)
    best = (-shares).argsort(axis=1, kind="stable")[:, :_TOP]
    for number, own, order in zip(numbers, shares, best.tolist(), strict=True):
        values = (
            scored.names[number],
            classes[found.truth[number]],
            classes[found.predicted[number]],
            bool(found.rank[number] == 1),
            int(found.rank[number]),
            float(found.confidence[number]),
            float(found.loss[number]),
            [{"class": classes[i], "probability": float(own[i])} for i in order],
            None,
        )
        yield dict(zip(_FIELDS, values, strict=True))
