"""What the ShuffleNet V2 paper says of other nets."""

from convatlas.facts import Fact
from convatlas.facts.papers import MA2018

_1_4 = (
    "the authors' own release prints 582, which is the count; this table repeats the 585 of the "
    "MobileNetV2 paper"
)
_IGCV3 = "repeats the IGCV3 paper; the released file, which multiplies some channels twice, gives"
_TABLE_8 = (
    # variant, printed mult-adds, because
    ("mobilenet_v1_w025", "41e6", ""),
    ("mobilenet_v1_w050", "149e6", ""),
    ("mobilenet_v1_w075", "325e6", ""),
    ("mobilenet_v1", "569e6", ""),
    ("mobilenet_v2", "300e6", ""),
    ("mobilenet_v2", "301e6", ""),
    ("mobilenet_v2_w140", "585e6", _1_4),
    ("shufflenet_v1_g3_x0_5", "38e6", ""),
    ("shufflenet_v1_g3_x1_0", "140000000", ""),
    ("shufflenet_v1_g3_x1_5", "292e6", ""),
    ("shufflenet_v1_g3_x2_0", "524e6", ""),
    ("nasnet_a_4_1056", "564e6", ""),
    ("igcv2_mobile_w025", "46e6", ""),
    ("igcv2_mobile_w050", "156e6", ""),
    ("igcv3_d", "318e6", "with one operation for every ReLU6 of a number 317.9 M"),
    ("igcv3_d_w070", "210e6", f"{_IGCV3} 167.7 M"),
    ("igcv3_d_w140", "610e6", f"{_IGCV3} 621.5 M"),
)

FACTS = (
    *(
        Fact(variant, "mult_adds", printed, MA2018, "Table 8", because)
        for variant, printed, because in _TABLE_8
    ),
    *(
        Fact(
            f"condensenet74_imagenet_{groups}_condensed",
            "mult_adds",
            printed,
            MA2018,
            "Table 8",
            convention="condensenet",
        )
        for groups, printed in (("g8", "274e6"), ("g4", "529e6"))
    ),
    Fact("resnet50", "mult_adds", "3.8e9", MA2018, "Table 6"),
    Fact("senet154", "mult_adds", "20.7e9", MA2018, "Table 6"),
)
