"""Folders of runs, written by hand, and a page as its parts."""

import json
from html.parser import HTMLParser

import numpy as np
from PIL import Image

CONFIG = {"experiment": "x/gan_digits.py", "steps": 40, "seed": 0, "seeds": 1, "batch_size": 8}
PROTOCOL = {"metrics": {"frechet": "1"}, "data": "digits", "part": "report", "n_generated": 10}


def run(folder, log=(), tail="", *, pictures=(), results=(), **config):
    """A run's folder: its config, its log and what comes after it, pictures at these steps."""
    for name in ("samples", "evaluation"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    method = {"name": "gan", **config.pop("method", {})}
    (folder / "config.json").write_text(json.dumps({**CONFIG, **config, "method": method}))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(x) + "\n" for x in log) + tail)
    for step in pictures:
        pixels = np.random.default_rng(step).integers(0, 255, (40, 40, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "samples" / f"step_{step:08}.png")
    for i, each in enumerate(results):
        (folder / "evaluation" / f"{i}.json").write_text(json.dumps(each))
    return folder


def result(value, role="final", step=40, floor=0.25, **protocol):
    figures = {"frechet": {"value": value, "floor": floor, "perfect": None}}
    made_by = {"versions": {"jax": "0.10.2"}, "backend": "cpu"}
    return {
        "step": step,
        "figures": figures,
        "warnings": [],
        "protocol": {**PROTOCOL, **protocol},
        "checkpoint": role,
        "made_by": made_by,
    }


def line(step, loss=1.0, **more):
    return {"step": step, "d/loss": loss, "time/steps_per_second": 2.0, **more}


class Parts(HTMLParser):
    """A page: the data of its scripts by their ids, tables as rows, pictures, its other text."""

    def __init__(self, text):
        super().__init__()
        self.data, self.tables, self.images, self.text = {}, [], [], []
        self.open, self.script = [], None
        self.addresses = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.addresses += [attrs[name] for name in ("src", "href") if name in attrs]
        if tag == "script":
            self.script = attrs.get("id", "")
        elif tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self.open.append(tag)
        elif tag == "img":
            self.images.append(attrs)

    def handle_endtag(self, tag):
        if tag == "script":
            self.script = None
        elif tag in ("td", "th"):
            self.open.pop()

    def handle_data(self, text):
        if self.script is not None:
            self.data[self.script] = self.data.get(self.script, "") + text
        elif self.open:
            self.tables[-1][-1][-1] += text.strip()
        else:
            self.text.append(text)

    @property
    def curves(self):
        """What is drawn: by metric, the curve of each arm."""
        return json.loads(self.data["data"])["metrics"]

    def table(self, first):
        """The table whose first column has this head, by the first cells of its rows."""
        found = next(each for each in self.tables if each[0][0] == first)
        return {row[0]: dict(zip(found[0][1:], row[1:], strict=True)) for row in found[1:]}
