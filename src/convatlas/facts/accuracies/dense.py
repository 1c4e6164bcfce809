"""DenseNet and CondenseNet; a condensed net scores as the net it comes from."""

from convatlas.facts.accuracies._published import Published, table

_CIFAR = {
    # C10, C10+, C100, C100+
    "densenet_40_k12": ("7.00", "5.24", "27.55", "24.42"),
    "densenet_100_k12": ("5.77", "4.10", "23.79", "20.20"),
    "densenet_100_k24": ("5.83", "3.74", "23.42", "19.25"),
    "densenet_bc_100_k12": ("5.92", "4.51", "24.15", "22.27"),
    "densenet_bc_250_k24": ("5.19", "3.62", "19.64", "17.60"),
    "densenet_bc_190_k40": (None, "3.46", None, "17.18"),
}


def _column(data: int) -> dict[str, str]:
    return {variant: row[data] or "" for variant, row in _CIFAR.items() if row[data]}


def _both(rows: dict[str, tuple[str, str] | str]) -> dict[str, tuple[str | None, str | None] | str]:
    """Of the net that trains and of its condensed form."""
    return {form: row for name, row in rows.items() for form in (name, f"{name}_condensed")}


_DENSENET: tuple[Published, ...] = (
    *table(
        "Huang2017",
        "Table 3",
        "imagenet",
        "single crop",
        {
            "densenet121": ("25.02", "7.71"),
            "densenet169": ("23.80", "6.85"),
            "densenet201": ("22.58", "6.34"),
            "densenet264": ("22.15", "6.12"),
        },
    ),
    *table(
        "Huang2017",
        "Table 3",
        "imagenet",
        "10-crop",
        {
            "densenet121": ("23.61", "6.66"),
            "densenet169": ("22.08", "5.92"),
            "densenet201": ("21.46", "5.54"),
            "densenet264": ("20.80", "5.29"),
        },
    ),
    *table(
        "Huang2017-code",
        "README",
        "imagenet",
        "single crop",
        {"densenet161_k48": "22.2", "densenet232_k48": "21.2", "densenet264": "22.1"},
    ),
    *table(
        "Huang2017-code",
        "README, cosine schedule",
        "imagenet",
        "single crop",
        {"densenet264": "21.6", "densenet264_k48": "20.4"},
    ),
    *table("Huang2017", "Table 2", "cifar10", "test images", _column(0)),
    *table("Huang2017", "Table 2", "cifar10+", "test images", _column(1)),
    *table("Huang2017", "Table 2", "cifar100", "test images", _column(2)),
    *table("Huang2017", "Table 2", "cifar100+", "test images", _column(3)),
    *table(
        "Huang2017-code",
        "README",
        "cifar10+",
        "test images",
        {
            "densenet_bc_40_k36": "4.58",
            "densenet_bc_40_k48": "3.99",
            "densenet_bc_40_k60": "4.01",
        },
    ),
    *table(
        "Huang2017-code",
        "README",
        "cifar100+",
        "test images",
        {
            "densenet_bc_40_k36": "22.30",
            "densenet_bc_40_k48": "20.29",
            "densenet_bc_40_k60": "19.99",
        },
    ),
)
_CONDENSENET: tuple[Published, ...] = (
    *table(
        "Huang2018",
        "Table 4",
        "imagenet",
        "single crop",
        _both(
            {
                "condensenet74_imagenet_g4": ("26.2", "8.3"),
                "condensenet74_imagenet_g8": ("29.0", "10.0"),
            }
        ),
    ),
    *table(
        "Huang2018",
        "Table 2",
        "cifar10+",
        "test images",
        _both(
            {
                "condensenet50": "6.22",
                "condensenet74": "5.28",
                "condensenet86": "5.06",
                "condensenet98": "4.83",
                "condensenet110": "4.63",
                "condensenet122": "4.48",
            }
        ),
    ),
    *table(
        "Huang2018",
        "Table 1",
        "cifar10+",
        "test images, 600 epochs",
        _both({"condensenet182": "3.76"}),
    ),
    *table(
        "Huang2018",
        "Table 1",
        "cifar100+",
        "test images",
        _both({"condensenet86": "23.64", "condensenet182": "18.47"}),
    ),
)
PUBLISHED = (*_DENSENET, *_CONDENSENET)
