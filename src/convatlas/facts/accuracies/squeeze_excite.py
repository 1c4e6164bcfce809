"""SENet; the nets without its blocks in its tables are re-implementations."""

from convatlas.facts.accuracies._published import table

PUBLISHED = (
    *table(
        "Hu2018",
        "Table 2",
        "imagenet",
        "single crop",
        {
            "se_resnet50": ("23.29", "6.62"),
            "se_resnet101": ("22.38", "6.07"),
            "se_resnet152": ("21.57", "5.73"),
            "se_resnext50_32x4d": ("21.10", "5.49"),
            "se_resnext101_32x4d": ("20.70", "5.01"),
        },
    ),
    *table(
        "Hu2018",
        "Table 2, re-implementation",
        "imagenet",
        "single crop",
        {
            "resnet50": ("24.80", "7.48"),
            "resnet101": ("23.17", "6.52"),
            "resnet152": ("22.42", "6.34"),
            "resnext50_32x4d": ("22.11", "5.90"),
            "resnext101_32x4d": ("21.18", "5.57"),
        },
    ),
    *table("Hu2018", "Table 3", "imagenet", "single crop", {"se_mobilenet": ("25.3", "7.7")}),
    *table("Hu2018", "Table 8", "imagenet", "single crop", {"senet154": ("18.68", "4.47")}),
    *table(
        "Hu2018",
        "Table 8",
        "imagenet",
        "single crop of 320 pixels",
        {"senet154": ("17.28", "3.79")},
        side=320,
    ),
    *table(
        "Hu2018",
        "Table 9",
        "imagenet",
        "single crop of 320 pixels, trained at 320",
        {"senet154": ("16.88", "3.58")},
        side=320,
    ),
    *table(
        "Hu2018",
        "Table 10",
        "imagenet",
        "single crop",
        {
            "se_resnet50_r2": ("22.29", "6.00"),
            "se_resnet50_r4": ("22.25", "6.09"),
            "se_resnet50_r8": ("22.26", "5.99"),
            "se_resnet50_r16": ("22.28", "6.03"),
            "se_resnet50_r32": ("22.72", "6.20"),
            "resnet50": ("23.30", "6.55"),
        },
    ),
    *table(
        "Hu2018",
        "Tables 13 to 16",
        "imagenet",
        "single crop",
        {
            "se_resnet50_stage2": ("23.03", "6.48"),
            "se_resnet50_stage3": ("23.04", "6.32"),
            "se_resnet50_stage4": ("22.68", "6.22"),
            "se_resnet50_pre": ("22.23", "6.00"),
            "se_resnet50_post": ("22.78", "6.35"),
            "se_resnet50_identity": ("22.20", "6.15"),
            "se_resnet50_3x3": ("22.48", "6.02"),
            "se_resnet50_nosqueeze": ("22.93", "6.39"),
        },
    ),
    *table(
        "SENet code",
        "README",
        "imagenet",
        "single crop",
        {
            "se_resnet50": ("22.37", "6.36"),
            "se_resnet101": ("21.75", "5.72"),
            "se_resnet152": ("21.34", "5.54"),
            "se_resnext50_32x4d": ("20.97", "5.54"),
            "se_resnext101_32x4d": ("19.81", "4.96"),
        },
    ),
)
