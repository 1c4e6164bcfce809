"""ResNets and their kin on CIFAR and SVHN."""

from convatlas.facts.accuracies._published import table

_MEDIAN = "test images, median of 5 runs"
_VALIDATED = "test images, epoch of the lowest validation error"

PUBLISHED = (
    *table(
        "Srivastava2015",
        "Table 2",
        "cifar10+",
        "test images",
        {"highway_19_cifar10": "7.72"},
    ),
    *table(
        "Srivastava2015", "Table 2", "cifar100+", "test images", {"highway_19_cifar100": "32.39"}
    ),
    *table(
        "He2016",
        "Table 6",
        "cifar10+",
        "test images",
        {
            "resnet20_cifar": "8.75",
            "resnet32_cifar": "7.51",
            "resnet44_cifar": "7.17",
            "resnet56_cifar": "6.97",
            "resnet1202_cifar": "7.93",
        },
    ),
    *table(
        "He2016", "Table 6", "cifar10+", "test images, best of 5 runs", {"resnet110_cifar": "6.43"}
    ),
    *table(
        "He2016b",
        "Table 1",
        "cifar10+",
        _MEDIAN,
        {
            "resnet110_cifar": "6.61",
            "resnet110_frozen_gates_cifar": "12.35",
            "resnet110_exclusive_gates_cifar": "8.70",
            "resnet110_shortcut_conv_cifar": "12.22",
        },
    ),
    *table(
        "He2016b",
        "Table 1",
        "cifar10+",
        f"{_MEDIAN}, gates starting at -6",
        {"resnet110_shortcut_gated_cifar": "6.91"},
    ),
    *table(
        "He2016b",
        "Table 1",
        "cifar10+",
        f"{_MEDIAN}, gates starting at 0",
        {"resnet110_shortcut_gated_cifar": "12.86"},
    ),
    *table(
        "He2016b",
        "Table 2",
        "cifar10+",
        _MEDIAN,
        {
            "resnet110_bn_after_addition_cifar": "8.17",
            "resnet164_bn_after_addition_cifar": "6.50",
            "resnet110_relu_before_addition_cifar": "7.84",
            "resnet164_relu_before_addition_cifar": "6.14",
            "resnet110_relu_preactivation_cifar": "6.71",
            "resnet164_relu_preactivation_cifar": "5.91",
            "preresnet110_cifar": "6.37",
            "preresnet164_cifar": "5.46",
        },
    ),
    *table(
        "He2016b",
        "Table 3",
        "cifar10+",
        _MEDIAN,
        {
            "resnet110_1layer_cifar": "9.90",
            "preresnet110_1layer_cifar": "8.91",
            "resnet164_cifar": "5.93",
            "resnet1001_cifar": "7.61",
            "preresnet1001_cifar": "4.92",
        },
    ),
    *table(
        "He2016b",
        "Table 4",
        "cifar10+",
        f"{_MEDIAN}, batch of 64",
        {"preresnet1001_cifar": "4.62"},
    ),
    *table(
        "He2016b",
        "Table 3",
        "cifar100+",
        _MEDIAN,
        {
            "resnet164_cifar": "25.16",
            "preresnet164_cifar": "24.33",
            "resnet1001_cifar": "27.82",
            "preresnet1001_cifar": "22.71",
        },
    ),
    *table(
        "Huang2016",
        "Table 1",
        "cifar10+",
        _VALIDATED,
        {"resnet110_cifar_constant_depth": "6.41", "resnet110_cifar_stochastic_depth": "5.25"},
    ),
    *table(
        "Huang2016",
        "Table 1",
        "cifar100+",
        _VALIDATED,
        {"resnet110_cifar_constant_depth": "27.76", "resnet110_cifar_stochastic_depth": "24.98"},
    ),
    *table(
        "Huang2016",
        "Sec. 4",
        "cifar10",
        _VALIDATED,
        {"resnet110_cifar_constant_depth": "13.63", "resnet110_cifar_stochastic_depth": "11.66"},
    ),
    *table(
        "Huang2016",
        "Sec. 4",
        "cifar100",
        _VALIDATED,
        {"resnet110_cifar_constant_depth": "44.74", "resnet110_cifar_stochastic_depth": "37.80"},
    ),
    *table(
        "Huang2016",
        "Table 1",
        "svhn",
        _VALIDATED,
        {"resnet152_cifar_constant_depth": "1.80", "resnet152_cifar_stochastic_depth": "1.75"},
    ),
    *table(
        "Huang2016",
        "Sec. 4",
        "cifar10+",
        _VALIDATED,
        {"resnet1202_cifar": "6.67", "resnet1202_cifar_stochastic_depth": "4.91"},
    ),
    *table(
        "Xie2017",
        "Table 7",
        "cifar10+",
        "test images, mean of 10 runs",
        {"resnext29_8x64d_cifar": "3.65", "resnext29_16x64d_cifar": "3.58"},
    ),
    *table(
        "Xie2017",
        "Table 7",
        "cifar100+",
        "test images, mean of 10 runs",
        {"resnext29_8x64d_cifar": "17.77", "resnext29_16x64d_cifar": "17.31"},
    ),
)
