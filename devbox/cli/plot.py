"""Plots in the terminal."""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devbox.runs.series import Series


def draw(title: str, lines: Sequence[tuple[str, Series]], *, by_time: bool) -> None:
    """Plot named series into one picture on stdout, over steps or over seconds since the first
    point of each. NaN and infinities leave gaps."""
    import plotext

    width, _ = shutil.get_terminal_size((100, 24))
    plotext.clear_figure()
    plotext.plotsize(min(width, 140), 18)
    plotext.title(title)
    plotext.xlabel("seconds" if by_time else "step")
    for label, series in lines:
        points = [point for point in series if math.isfinite(point.value)]
        start = points[0].time if points else 0.0
        places = [point.time - start if by_time else point.step for point in points]
        values = [point.value for point in points]
        plotext.plot(places, values, label=label if len(lines) > 1 else None, marker="braille")
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        plotext.clear_color()
        sys.stdout.write(plotext.uncolorize(plotext.build()) + "\n")
        return
    plotext.show()
