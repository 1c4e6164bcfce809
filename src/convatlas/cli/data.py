"""`convatlas data`: a person's images looked at, shown as a net sees them, and packed."""

from pathlib import Path
from typing import Annotated

import typer

from convatlas.cli._console import JSON_HELP, print_json, print_table, progress, say

commands = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Look at a data set (scan), see it as a net does (show), decode it once (pack).",
)
Data = Annotated[
    str,
    typer.Argument(
        help="digits, fashion-mnist, or a folder of images, tar shards, IDX or CIFAR files, a "
        ".csv list, a packed file."
    ),
]
Seed = Annotated[int, typer.Option(help="Of the division, where nobody else divides.")]
Cache = Annotated[Path | None, typer.Option(help="Folder to remember the look at each image in.")]
AsJson = Annotated[bool, typer.Option("--json", help=JSON_HELP)]


@commands.command()
def scan(data: Data, seed: Seed = 0, cache: Cache = None, as_json: AsJson = False) -> None:
    """Decode every image: counts, sizes, what cannot be read, copies within and across splits.

    Exit code 1 if an image cannot be read, or equals one of another split.
    """
    from convatlas.cli import _data
    from convatlas.data import open_dataset
    from convatlas.errors import CheckFailed

    with progress() as shown:
        dataset = open_dataset(data, seed=seed, progress=shown, cache=cache)
    if as_json:
        print_json(_data.report(dataset))
    else:
        for columns, rows in _data.tables(dataset):
            print_table(columns, rows)
        for note in dataset.notes:
            say(note)
    if failed := _data.failures(dataset.scan):
        raise CheckFailed(failed)


@commands.command()
def show(
    data: Data,
    out: Annotated[Path, typer.Option(help="The sheet, a .png file.")],
    net: Annotated[str | None, typer.Option(help="A variant: its side, its recipe.")] = None,
    recipe: Annotated[
        str | None, typer.Option(help="Whose changes are shown: a recipe's name or .json file.")
    ] = None,
    side: Annotated[
        int | None, typer.Option(help="Side of the input; the data's own.", min=1, max=1024)
    ] = None,
    epochs: Annotated[int, typer.Option(help="Epochs of each image.", min=1, max=100)] = 4,
    per_class: Annotated[int, typer.Option(help="Images of each class.", min=1, max=100)] = 2,
    seed: Seed = 0,
    cache: Cache = None,
    as_json: AsJson = False,
) -> None:
    """Draw a sheet of training images as a net sees them: plain, then epoch by epoch."""
    from convatlas.cli import _data

    _data.check_png(out)
    with progress() as shown:
        sheet = _data.draw(
            data, net=net, recipe=recipe, side=side, epochs=epochs, per_class=per_class,
            seed=seed, cache=cache, progress=shown,
        )  # fmt: skip
    result = sheet.write(out)
    if as_json:
        print_json(result)
    else:
        print_table(["", ""], [[name, str(value)] for name, value in result.items()])


@commands.command()
def pack(
    data: Data,
    out: Annotated[Path, typer.Option(help="The file, or a folder that gets NAME.packed.")],
    side: Annotated[
        int | None, typer.Option(help="Squares of this side, as nets of that side are scored.")
    ] = None,
    short_side: Annotated[
        int | None, typer.Option(help="Whole images, made smaller to this short side.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Decode every image into one checksummed file that opens as DATA does, without decoding.

    Without --side or --short-side images are kept whole, as decoded. Started again it decodes only
    if DATA or the form changed, or the file is damaged.
    """
    from convatlas.cli._data import packed_row
    from convatlas.data import PackedForm
    from convatlas.data import pack as pack_data

    with progress() as shown:
        packed = pack_data(data, out, PackedForm(side=side, short_side=short_side), progress=shown)
    if as_json:
        print_json(packed.as_dict())
    else:
        print_table(["file", "images", "form", "bytes", "an image", "made because"],
                    [packed_row(packed)])  # fmt: skip
