"""The curves of a page: their numbers, and an empty chart of Bokeh's that the page fills."""

import functools
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.embed import json_item
from bokeh.models import ColumnDataSource, HoverTool
from bokeh.plotting import figure
from bokeh.resources import Resources

from jaxgan.evaluation import LOGGED
from jaxgan.report import curves
from jaxgan.report.alarmed import ALARM
from jaxgan.report.curves import Curve
from jaxgan.report.reading import Arm
from jaxgan.report.tables import Table, number
from jaxgan.run.pauses import DIVERGED
from jaxgan.watch.log import TIMINGS

# Okabe and Ito's, that most colour-blind people tell apart, without the yellow.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("solid", "dashed", "dotted", "dotdash")
GROUPS = ("Losses", "Accuracies", "Evaluation", "Other metrics", "Speed")
HEIGHT = 260


def group(name: str) -> str:
    """The heading under which a metric stands."""
    if name.startswith(LOGGED):
        return "Evaluation"
    if name.startswith(TIMINGS):
        return "Speed"
    quantity = name.rpartition("/")[2]
    if "loss" in quantity or quantity in ("adversarial", "cycle", "elbo"):
        return "Losses"
    return "Accuracies" if "accuracy" in quantity else "Other metrics"


def metrics(arms: Sequence[Arm]) -> dict[str, list[str]]:
    """The metrics of each heading; alarms are none."""
    names = dict.fromkeys(
        name
        for arm in arms
        for run in arm.runs
        for name in run.lines.series
        if not name.startswith(ALARM) and name != DIVERGED
    )
    found = {heading: sorted(n for n in names if group(n) == heading) for heading in GROUPS}
    return {heading: of for heading, of in found.items() if of}


def look(index: int) -> dict[str, str]:
    """The colour and the dash of an arm."""
    dash = DASHES[index // len(COLOURS) % len(DASHES)]
    return {"colour": COLOURS[index % len(COLOURS)], "dash": dash}


def data(arms: Sequence[Arm], names: Sequence[str]) -> dict[str, Any]:
    """What the page draws: how each arm looks, and the points of each metric of each."""
    of_metric = {name: drawn(arms, name) for name in names}
    most = curves.points(sum(map(len, of_metric.values())))
    return {
        "arms": [{"name": arm.name, **look(i)} for i, arm in enumerate(arms)],
        "metrics": {
            name: [{"arm": i, **points(arms[i], name, most)} for i in of]
            for name, of in of_metric.items()
        },
    }


def drawn(arms: Sequence[Arm], name: str) -> list[int]:
    """The arms that logged a metric."""
    return [i for i, arm in enumerate(arms) if any(name in run.lines.series for run in arm.runs)]


def points(arm: Arm, name: str, most: int) -> dict[str, list[float]]:
    """A curve as JSON holds it; ``low`` and ``high`` only where they are not the mean."""
    seeds = [run.lines.series[name] for run in arm.runs if name in run.lines.series]
    curve = curves.curve(seeds, most)
    found = {"steps": curve.steps.tolist(), "mean": rounded(curve.mean)}
    if not np.array_equal(curve.low, curve.high):
        found |= {"low": rounded(curve.low), "high": rounded(curve.high)}
    return found


def rounded(values: np.ndarray) -> list[float]:
    """Values to five digits: more than can be seen of a curve."""
    return [float(f"{value:.5g}") for value in values]


def values(arms: Sequence[Arm], name: str) -> Table:
    """What is read off a curve: the last value, the extremes, and where they are."""
    rows = []
    for i in drawn(arms, name):
        arm = arms[i]
        of = [run.lines.series[name] for run in arm.runs if name in run.lines.series]
        finite = [each.finite() for each in of]
        whole = curves.together(finite)
        lost = sum(len(each.steps) for each in of) - sum(len(each.steps) for each in finite)
        rows.append([arm.name, *extremes(whole), str(lost) if lost else ""])
    head = ["run", "last", "smallest", "at step", "largest", "at step", "not finite"]
    return Table(head, rows)


def extremes(whole: Curve) -> list[str]:
    """The last mean, the smallest and the largest value with their steps."""
    if not len(whole.steps):
        return ["", "", "", "", ""]
    low, high = int(np.argmin(whole.low)), int(np.argmax(whole.high))
    return [
        number(whole.mean[-1]),
        *(number(whole.low[low]), str(whole.steps[low])),
        *(number(whole.high[high]), str(whole.steps[high])),
    ]


@functools.cache
def empty(axis: str) -> str:
    """A chart without curves, as JSON: the page draws every metric in one like it.

    Args:
      axis: of the values, ``'linear'`` or ``'log'``.
    """
    chart = figure(
        height=HEIGHT,
        sizing_mode="stretch_width",
        y_axis_type=axis,
        tools="pan,box_zoom,wheel_zoom,reset,save",
        # To scroll through the page with a wheel or a finger must not move a chart.
        active_drag=None,
        active_scroll=None,
        toolbar_location="above",
        output_backend="canvas",
    )
    # One source of lists for all arms: a glyph for each would be most of the file.
    kinds: dict[str, list[Any]] = {"xs": [], "ys": [], "colour": []}
    lines = kinds | {"dash": [], "name": []}
    sources = {
        name: ColumnDataSource(dict(of), name=name)
        for name, of in (("bands", kinds), ("edges", kinds), ("lines", lines))
    }
    dots = ColumnDataSource({"x": [], "y": [], "colour": [], "name": []}, name="dots")
    chart.patches("xs", "ys", source=sources["bands"], color="colour", alpha=0.18, line_alpha=0)
    chart.multi_line("xs", "ys", source=sources["edges"], color="colour", alpha=0.3)
    line = chart.multi_line(
        "xs", "ys", source=sources["lines"], color="colour", line_dash="dash", line_width=2
    )
    dot = chart.scatter("x", "y", source=dots, color="colour", size=5)
    told = [("", "@name"), ("step", "$snap_x{0}"), ("value", "$snap_y{0.0000a}")]
    chart.add_tools(HoverTool(renderers=[line], tooltips=told, line_policy="nearest"))
    chart.add_tools(HoverTool(renderers=[dot], tooltips=told, visible=False))
    chart.xaxis.axis_label = "step"
    chart.xaxis.formatter.use_scientific = False
    chart.xaxis.ticker.desired_num_ticks = 5
    chart.toolbar.logo = None
    return json.dumps(json_item(chart)).replace("<", "\\u003c")


@functools.cache
def library() -> str:
    """BokehJS, as the ``<script>`` of a page."""
    return Resources(mode="inline", components=["bokeh"], log_level="error").render_js()
