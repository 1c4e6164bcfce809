"""`convatlas export`: a bundle as an ONNX file that runs without PyTorch."""

from pathlib import Path
from typing import Annotated

import typer

from convatlas.cli._console import JSON_HELP, print_json, print_table


def command(
    bundle: Annotated[Path, typer.Argument(help="A .bundle directory.")],
    out: Annotated[Path | None, typer.Option(help="The file; beside the bundle.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Write an ONNX file and prove that it computes what the net computes."""
    from convatlas.bundle import load
    from convatlas.device import format_bytes, ship

    loaded = load(bundle)
    path = out or beside(bundle)
    parity = ship(loaded.net, loaded.info, path)
    size = path.stat().st_size
    if as_json:
        print_json({"onnx": str(path), "bytes": size, "parity": parity.as_dict()})
        return
    print_table(
        ["onnx", str(path)],
        [
            ["from", str(bundle)],
            ["size", format_bytes(size)],
            ["largest difference", f"{parity.relative_difference:.2g} of the largest logit"],
            ["agreement", f"{100 * parity.agreement:.2f} % of {parity.n} inputs"],
        ],
    )


def beside(bundle: Path) -> Path:
    """`x.onnx` for `x.bundle`; a directory of another name keeps it whole: `v1.2`, `v1.2.onnx`."""
    named = bundle if bundle.name not in ("", "..") else bundle.resolve()
    return named.with_name(named.name.removesuffix(".bundle") + ".onnx")
