"""Papers whose tables print figures of nets of more than one family."""

from convatlas.facts._fact import Paper

CHOLLET2017 = Paper(
    "Chollet2017",
    "Xception: Deep Learning with Depthwise Separable Convolutions",
    "CVPR 2017",
    "arXiv:1610.02357",
)
HAN2016 = Paper(
    "Han2016",
    "Deep Compression: Compressing Deep Neural Networks with Pruning, Trained Quantization and "
    "Huffman Coding",
    "ICLR 2016",
    "arXiv:1510.00149",
)
HE2016 = Paper(
    "He2016", "Deep Residual Learning for Image Recognition", "CVPR 2016", "arXiv:1512.03385"
)
HE2016B = Paper(
    "He2016b",
    "Identity Mappings in Deep Residual Networks",
    "ECCV 2016",
    "arXiv:1603.05027",
)
HOWARD2017 = Paper(
    "Howard2017",
    "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
    "arXiv 2017",
    "arXiv:1704.04861",
)
HU2018 = Paper("Hu2018", "Squeeze-and-Excitation Networks", "CVPR 2018", "arXiv:1709.01507")
HUANG2016 = Paper(
    "Huang2016", "Deep Networks with Stochastic Depth", "ECCV 2016", "arXiv:1603.09382"
)
HUANG2017 = Paper(
    "Huang2017", "Densely Connected Convolutional Networks", "CVPR 2017", "arXiv:1608.06993"
)
HUANG2018 = Paper(
    "Huang2018",
    "CondenseNet: An Efficient DenseNet using Learned Group Convolutions",
    "CVPR 2018",
    "arXiv:1711.09224",
)
IANDOLA2016 = Paper(
    "Iandola2016",
    "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
    "arXiv 2016",
    "arXiv:1602.07360",
)
MA2018 = Paper(
    "Ma2018",
    "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design",
    "ECCV 2018",
    "arXiv:1807.11164",
)
SANDLER2018 = Paper(
    "Sandler2018",
    "MobileNetV2: Inverted Residuals and Linear Bottlenecks",
    "CVPR 2018",
    "arXiv:1801.04381",
)
SUN2018 = Paper(
    "Sun2018",
    "IGCV3: Interleaved Low-Rank Group Convolutions for Efficient Deep Neural Networks",
    "BMVC 2018",
    "arXiv:1806.00178",
)
SZEGEDY2016 = Paper(
    "Szegedy2016",
    "Rethinking the Inception Architecture for Computer Vision",
    "CVPR 2016",
    "arXiv:1512.00567",
)
TAN2019 = Paper(
    "Tan2019",
    "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
    "ICML 2019",
    "arXiv:1905.11946",
)
XIE2017 = Paper(
    "Xie2017",
    "Aggregated Residual Transformations for Deep Neural Networks",
    "CVPR 2017",
    "arXiv:1611.05431",
)
ZHANG2017 = Paper(
    "Zhang2017",
    "Interleaved Group Convolutions for Deep Neural Networks",
    "ICCV 2017",
    "arXiv:1707.02725",
)
ZHANG2018 = Paper(
    "Zhang2018",
    "ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices",
    "CVPR 2018",
    "arXiv:1707.01083",
)
ZOPH2018 = Paper(
    "Zoph2018",
    "Learning Transferable Architectures for Scalable Image Recognition",
    "CVPR 2018",
    "arXiv:1707.07012",
)
NOTES = Paper("notes", "CNN image classification notes", "study notes", "the project's seed")
