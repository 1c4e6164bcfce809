"""NASNets and EfficientNets."""

from convatlas.facts.accuracies._published import table

PUBLISHED = (
    *table(
        "Zoph2018",
        "Tables 2 and 3",
        "imagenet",
        "single crop",
        {"nasnet_a_4_1056": ("26.0", "8.4"), "nasnet_a_6_4032": ("17.3", "3.8")},
    ),
    *table(
        "Zoph2018",
        "Table 1",
        "cifar10+",
        "test images, mean of 5 runs",
        {"nasnet_a_6_768_cifar": "3.41"},
    ),
    *table(
        "Zoph2018",
        "Table 1",
        "cifar10+",
        "test images, mean of 5 runs, cutout",
        {"nasnet_a_6_768_cifar": "2.65"},
    ),
    *table(
        "Tan2019",
        "Table 2",
        "imagenet",
        "single crop",
        {
            "efficientnet_b0": ("22.9", "6.7"),
            "efficientnet_b1": ("20.9", "5.6"),
            "efficientnet_b2": ("19.9", "5.1"),
            "efficientnet_b3": ("18.4", "4.3"),
            "efficientnet_b4": ("17.1", "3.6"),
            "efficientnet_b5": ("16.4", "3.3"),
            "efficientnet_b6": ("16.0", "3.2"),
            "efficientnet_b7": ("15.7", "3.0"),
        },
    ),
)
