"""LeNet to VGG; their own papers score ten crops or whole images, so others give single crops."""

from convatlas.facts.accuracies._published import table

_FIXED = "dense, one scale, trained at {}"
_JITTER = "dense, one scale, trained at 256 to 512"

PUBLISHED = (
    *table(
        "Han2016",
        "Table 1, reference",
        "mnist",
        "test images",
        {"lenet300_100": "1.64", "lenet5_caffe": "0.80"},
    ),
    *table(
        "Krizhevsky2012",
        "Table 2, 1 CNN",
        "imagenet",
        "10-crop",
        {"alexnet": ("40.7", "18.2")},
    ),
    *table(
        "Han2016",
        "Table 1, reference",
        "imagenet",
        "single crop",
        {"alexnet": ("42.78", "19.73")},
    ),
    *table("Zhang2018", "Table 8", "imagenet", "single crop", {"alexnet": "42.8"}),
    *table(
        "Zeiler2014",
        "Table 2",
        "imagenet",
        "10-crop",
        {"zfnet": ("38.4", "16.5"), "zfnet_b": ("37.5", "16.0")},
    ),
    *table("Huang2018", "Table 6", "imagenet", "single crop", {"vgg_d": "28.5"}),
    *table(
        "Han2016",
        "Table 1, reference",
        "imagenet",
        "single crop",
        {"vgg_d": ("31.50", "11.32")},
    ),
    *table(
        "Simonyan2015",
        "Table 3",
        "imagenet",
        _FIXED.format("256"),
        {
            "vgg_a": ("29.6", "10.4"),
            "vgg_a_lrn": ("29.7", "10.5"),
            "vgg_b": ("28.7", "9.9"),
            "vgg_c": ("28.1", "9.4"),
            "vgg_d": ("27.0", "8.8"),
            "vgg_e": ("27.3", "9.0"),
        },
    ),
    *table(
        "Simonyan2015",
        "Table 3",
        "imagenet",
        _FIXED.format("384"),
        {"vgg_c": ("28.1", "9.3"), "vgg_d": ("26.8", "8.7"), "vgg_e": ("26.9", "8.7")},
    ),
    *table(
        "Simonyan2015",
        "Table 3",
        "imagenet",
        _JITTER,
        {"vgg_c": ("27.3", "8.8"), "vgg_d": ("25.6", "8.1"), "vgg_e": ("25.5", "8.0")},
    ),
    *table(
        "Simonyan2015",
        "Table 4",
        "imagenet",
        "multi-scale, dense, trained at 256",
        {
            "vgg_b": ("28.2", "9.6"),
            "vgg_c": ("27.7", "9.2"),
            "vgg_d": ("26.6", "8.6"),
            "vgg_e": ("26.9", "8.7"),
        },
    ),
    *table(
        "Simonyan2015",
        "Table 4",
        "imagenet",
        "multi-scale, dense, trained at 384",
        {"vgg_c": ("27.8", "9.2"), "vgg_d": ("26.5", "8.6"), "vgg_e": ("26.7", "8.6")},
    ),
    *table(
        "Simonyan2015",
        "Table 4",
        "imagenet",
        "multi-scale, dense, trained at 256 to 512",
        {"vgg_c": ("26.3", "8.2"), "vgg_d": ("24.8", "7.5"), "vgg_e": ("24.8", "7.5")},
    ),
    *table(
        "Simonyan2015",
        "Table 5",
        "imagenet",
        "150 crops",
        {"vgg_d": ("24.6", "7.5"), "vgg_e": ("24.6", "7.4")},
    ),
    *table(
        "Simonyan2015",
        "Table 5",
        "imagenet",
        "150 crops and multi-scale dense",
        {"vgg_d": ("24.4", "7.2"), "vgg_e": ("24.4", "7.1")},
    ),
    *table(
        "Hu2018",
        "Table 2, re-implementation",
        "imagenet",
        "single crop",
        {"vgg_d_bn": ("27.02", "8.81")},
    ),
    *table("Hu2018", "Table 2", "imagenet", "single crop", {"se_vgg16": ("25.22", "7.70")}),
)
