"""Papers whose tables print figures of nets of more than one family."""

from convatlas.facts import Paper

HAN2016 = Paper(
    "Han2016",
    "Deep Compression: Compressing deep neural networks with pruning, trained quantization and "
    "Huffman coding",
    "ICLR 2016",
    "arXiv:1510.00149",
)
HE2016 = Paper(
    "He2016", "Deep residual learning for image recognition", "CVPR 2016", "arXiv:1512.03385"
)
HUANG2018 = Paper(
    "Huang2018",
    "CondenseNet: An efficient DenseNet using learned group convolutions",
    "CVPR 2018",
    "arXiv:1711.09224",
)
ZHANG2018 = Paper(
    "Zhang2018",
    "ShuffleNet: An extremely efficient convolutional neural network for mobile devices",
    "CVPR 2018",
    "arXiv:1707.01083",
)
