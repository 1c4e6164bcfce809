"""Pixels of feature maps that no window reaches."""

from convatlas.analysis.doctor._case import Case
from convatlas.analysis.doctor._finding import Affected, Finding, Rule, found

RULE = Rule(
    kind="pixels never read",
    unit="part",
    meaning="of the layer's pixels are reached by no later window",
    limit=0.005,
    why="less than one row of 200: what a stride leaves over at an odd side",
    advice="put the stride into the layer that computes these pixels, or into a 3x3 convolution",
    source="counted: windows are followed back from the output",
    least_share=0.0,
)


def unread_pixels(case: Case) -> Finding | None:
    """Layers, the image included, of which later windows skip or never reach some pixels.

    `lost` is the time of computing them.
    """
    layers = []
    for name, read in case.pixels_read.items():
        unread = 1 - float(read.mean())
        if not unread or unread == 1:  # one that is not read at all is among unread channels
            continue
        share = 0.0 if name == case.graph.input.name else case.share(name)
        if share or name == case.graph.input.name:
            rows, columns = (int((~read.any(axis=axis)).sum()) for axis in (1, 0))
            layers.append(
                Affected(
                    name=name,
                    figure=unread,
                    share=share,
                    lost=unread * share,
                    remark=f"{rows} rows and {columns} columns of {read.shape[0]}x{read.shape[1]}",
                )
            )
    return found(RULE, layers)
