"""A result as one file that opens anywhere."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from convatlas.errors import UserError
from convatlas.files import write_atomic
from convatlas.reports._page import page


def write_report(result: Mapping[str, Any], path: Path, *, pictures: Mapping[int, bytes]) -> Path:
    """Write `result` as one HTML page that needs neither network nor other files.

    Parts that are missing are left out: a search in which nothing fits has no test.

    Args:
        result: what choosing wrote to result.json.
        pictures: `index` of a mistake to the PNG of its image.

    Raises:
        UserError: if plotly is not installed or `path` cannot be written.
    """
    content = page(result, pictures, _plotly())
    write_atomic(path, content.encode("utf-8"))
    return path


def _plotly() -> str:
    """Source of plotly's script, from the installed package."""
    try:
        from plotly.offline import get_plotlyjs
    except ModuleNotFoundError as error:
        raise UserError(
            "report.html needs plotly, which is not installed. "
            "Install it with: pip install 'convatlas[report]'"
        ) from error
    return str(get_plotlyjs())
