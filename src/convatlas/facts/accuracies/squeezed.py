"""SqueezeNets, SqueezeNexts and DarkNets."""

from convatlas.facts.accuracies._published import table

PUBLISHED = (
    *table(
        "Iandola2016",
        "Tables 2 and 3",
        "imagenet",
        "single crop",
        {"squeezenet_1_0": ("42.5", "19.7")},
    ),
    *table(
        "Iandola2016",
        "Table 3",
        "imagenet",
        "single crop",
        {
            "squeezenet_1_0_simple_bypass": ("39.6", "17.5"),
            "squeezenet_1_0_complex_bypass": ("41.2", "18.0"),
        },
    ),
    *table(
        "Gholami2018",
        "Tables 1 and 2",
        "imagenet",
        "single crop",
        {
            "squeezenext23": ("40.95", "17.40"),
            "squeezenext23_grouped": ("42.84", "19.77"),
            "squeezenext34": ("38.61", "15.69"),
            "squeezenext44": ("37.36", "14.85"),
            "squeezenext23_w150": ("36.48", "14.34"),
            "squeezenext34_w150": ("34.00", "12.60"),
            "squeezenext44_w150": ("32.72", "11.85"),
            "squeezenext23_w200": ("32.82", "11.83"),
            "squeezenext34_w200": ("31.54", "11.22"),
            "squeezenext44_w200": ("30.41", "10.47"),
            "squeezenext23v5_w200": ("32.56", "11.80"),
        },
    ),
    *table(
        "RedmonCode",
        "the site's page on Tiny Darknet",
        "imagenet",
        "crops not stated",
        {"darknet_reference_224": ("38.9", "17.0"), "darknet_tiny": ("41.3", "18.3")},
    ),
    *table("Redmon2018", "Table 2", "imagenet", "single crop", {"darknet53": ("22.8", "6.2")}),
    *table(
        "Redmon2018",
        "Table 2",
        "imagenet",
        "single crop of 256 pixels",
        {"darknet19": ("25.9", "8.2")},
        side=256,
    ),
    *table(
        "Redmon2017",
        "Sec. 3, Darknet-19",
        "imagenet",
        "crops not stated",
        {"darknet19": ("27.1", "8.8")},
    ),
    *table(
        "Redmon2017",
        "Sec. 3, training for classification",
        "imagenet",
        "448 pixels, crops not stated",
        {"darknet19": ("23.5", "6.7")},
        side=448,
    ),
)
