"""Interleaved group convolutions."""

from convatlas.facts.accuracies._published import table

PUBLISHED = (
    *table(
        "Zhang2017",
        "Table 6",
        "imagenet",
        "single crop",
        {
            "igcv1_regconv_w69_imagenet": ("30.58", "10.77"),
            "igcv1_l4m32_imagenet": ("30.77", "10.99"),
            "igcv1_l16m16_imagenet": ("29.40", "10.32"),
            "igcv1_l100m2_imagenet": ("26.95", "8.92"),
        },
    ),
    *table(
        "Xie2018",
        "Table 6",
        "imagenet",
        "single crop",
        {"igcv2_mobile_w025": "45.1", "igcv2_mobile_w050": "34.5", "igcv2_mobile": "29.3"},
    ),
    *table("Xie2018", "Table 5", "cifar100", "test images", {"igcv2_star_c416_d20": "22.95"}),
    *table("Xie2018", "Table 5", "tiny imagenet", "test images", {"igcv2_star_c416_d20": "38.81"}),
    *table(
        "Ma2018",
        "Table 8",
        "imagenet",
        "single crop",
        {"igcv3_d": "27.8", "igcv3_d_w070": "31.5", "igcv3_d_w140": "25.5"},
    ),
    *table(
        "IGCV3-release",
        "README, after retraining",
        "imagenet",
        "single crop",
        {"igcv3_d_released": ("27.8", "9.5")},
    ),
    *table(
        "IGCV3-release",
        "README, before retraining",
        "imagenet",
        "single crop",
        {"igcv3_d_released": ("29.4", "10.3")},
    ),
    *table("IGCV3-release", "README", "cifar10+", "test images", {"igcv3_d_cifar100": "5.04"}),
    *table("IGCV3-release", "README", "cifar100+", "test images", {"igcv3_d_cifar100": "22.05"}),
)
