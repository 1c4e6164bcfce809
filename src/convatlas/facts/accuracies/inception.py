"""GoogLeNet to Inception-ResNet, and Xception.

Szegedy et al. score the single crops of their later papers on 48,238 of the 50,000 images, those
that they found labelled well.
"""

from convatlas.facts.accuracies._published import table

_PART = "single crop, 48,238 images"

PUBLISHED = (
    *table("Szegedy2015", "Table 3", "imagenet", "single crop", {"googlenet": (None, "10.07")}),
    *table("Szegedy2016", "Table 3", "imagenet", _PART, {"googlenet": ("29.0", "9.2")}),
    *table("Zhang2018", "Table 6", "imagenet", "single crop", {"googlenet": "31.3"}),
    *table("Szegedy2015", "Table 3", "imagenet", "10-crop", {"googlenet": (None, "9.15")}),
    *table("Szegedy2015", "Table 3", "imagenet", "144 crops", {"googlenet": (None, "7.89")}),
    *table(
        "Zoph2018",
        "Table 3, Inception V1",
        "imagenet",
        "single crop",
        {"googlenet_3x3": ("30.2", "10.1")},
    ),
    *table("Ioffe2015", "Fig. 4", "imagenet", "single crop", {"bn_inception": ("25.2", "7.82")}),
    *table("Ioffe2015", "Fig. 4", "imagenet", "144 crops", {"bn_inception": ("21.99", "5.82")}),
    *table(
        "Hu2018",
        "Table 2, re-implementation",
        "imagenet",
        "single crop",
        {"bn_inception_caffe": ("25.38", "7.89")},
    ),
    *table("Hu2018", "Table 2", "imagenet", "single crop", {"se_bn_inception": ("24.23", "7.14")}),
    *table(
        "SENet code", "README", "imagenet", "single crop", {"se_bn_inception": ("23.62", "7.04")}
    ),
    *table("Szegedy2016", "Table 3", "imagenet", _PART, {"inception_v3": ("21.2", "5.6")}),
    *table("Szegedy2016", "Table 4", "imagenet", "12 crops", {"inception_v3": ("19.47", "4.48")}),
    *table("Szegedy2016", "Table 4", "imagenet", "144 crops", {"inception_v3": ("18.77", "4.20")}),
    *table(
        "Szegedy2017",
        "Table 2",
        "imagenet",
        _PART,
        {"inception_v4": ("20.0", "5.0"), "inception_resnet_v2": ("19.9", "4.9")},
    ),
    *table(
        "Szegedy2017",
        "Table 4",
        "imagenet",
        "144 crops",
        {
            "inception_v3": ("18.9", "4.3"),
            "inception_v4": ("17.7", "3.8"),
            "inception_resnet_v2": ("17.8", "3.7"),
        },
    ),
    *table(
        "Hu2018",
        "Table 2, re-implementation",
        "imagenet",
        "single crop",
        {"inception_resnet_v2_released": ("20.37", "5.21")},
    ),
    *table(
        "Hu2018",
        "Table 2",
        "imagenet",
        "single crop",
        {"se_inception_resnet_v2": ("19.80", "4.79")},
    ),
    *table("Chollet2017", "Table 1", "imagenet", "single crop", {"xception": ("21.0", "5.5")}),
)
