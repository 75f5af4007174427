"""Pictures of runs as data URIs, made smaller and fewer so that a page stays within its bound."""

import base64
import dataclasses
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from PIL import Image, ImageSequence

from jaxgan.base import files
from jaxgan.report.reading import Arm, Run
from jaxgan.run import run_folder

# Of all pictures of a page, before base64 makes four bytes of three; and the part of animations,
# which have what the others leave, too.
BUDGET, ANIMATED = 3_600_000, 0.25
NAME = re.compile(r"(\w+)_(\d+)\.png")
GRID = "step"
MOST, PIXELS, QUALITY = 40, 640, 80
FRAMES, FRAME_PIXELS = 24, 256
GIF = "samples.gif"
# What stands in a page as it is: by Pillow's names, and by how they begin.
FORMATS, KINDS = ("PNG", "GIF", "WEBP"), {b"\x89P": "png", b"GI": "gif", b"RI": "webp"}
# What Pillow raises of a file that is being written, removed meanwhile, or damaged.
UNREADABLE = (OSError, ValueError, EOFError, SyntaxError)
Item = TypeVar("Item")
TITLES = {GRID: "samples", "sample": "drawn afterwards"}


class Picture(NamedTuple):
    """One picture: its step, and what an ``<img>`` shows."""

    step: int
    uri: str


@dataclasses.dataclass(frozen=True)
class Strip:
    """The pictures of one kind of a run.

    Attributes:
      title: whose they are, and of what.
      pictures: by step.
      animation: for an ``<img>``; '' if there is none.
      remarks: what was left out, and where it is.
    """

    title: str
    pictures: list[Picture]
    animation: str
    remarks: list[str]


def strips(arms: Sequence[Arm], budget: int = BUDGET) -> list[Strip]:
    """The pictures of an arm's first run that has any, within ``budget`` bytes for all arms."""
    chosen = [(arm, run) for arm in arms if (run := first(arm)) is not None]
    found: list[Strip] = []
    for arm, run in chosen:
        left = budget // len(chosen)
        kinds, gif = listed(run.place), run.place / GIF
        seed = f", seed {run.seed}" if len(arm.runs) > 1 else ""
        part = int(left * (1 - ANIMATED * gif.exists()) / len(kinds))
        own = []
        for kind, paths in kinds.items():
            pictures, remarks = embedded(paths, part)
            left -= sum(len(each.uri) for each in pictures) * 3 // 4
            title = f"{arm.name}{seed}: {TITLES.get(kind, kind)}"
            own.append(Strip(title, pictures, "", remarks))
        if gif.exists():
            animation, remark = animated(gif, left)
            more = [*own[0].remarks, *([remark] if remark else [])]
            own[0] = dataclasses.replace(own[0], animation=animation, remarks=more)
        found += own
    return found


def first(arm: Arm) -> Run | None:
    """The first run of an arm that has drawn anything."""
    return next((run for run in arm.runs if listed(run.place)), None)


def listed(place: Path) -> dict[str, list[tuple[int, Path]]]:
    """The pictures in a run's folder by kind, with their steps; samples come first."""
    found: dict[str, list[tuple[int, Path]]] = {}
    for path in sorted((place / run_folder.SAMPLES).glob("*.png")):
        if match := NAME.fullmatch(path.name):
            found.setdefault(match[1], []).append((int(match[2]), path))
    return dict(sorted(found.items(), key=lambda each: each[0] != GRID))


def embedded(paths: Sequence[tuple[int, Path]], budget: int) -> tuple[list[Picture], list[str]]:
    """As many of the pictures as fit, evenly, with the first and last; and what is not shown."""
    kept = even(paths, MOST)
    shown: dict[int, bytes] = {}
    unread: list[str] = []
    for step, path in reversed(kept):  # the last one matters most
        try:
            shown[step] = encoded(path, budget // min(len(kept), 10))
        except UNREADABLE:
            unread.append(path.name)
    fit = sorted(shown.items())
    while len(fit) > 1 and sum(len(data) for _, data in fit) > budget:
        fit = even(fit, max(1, (len(fit) + 1) // 2))
    named = ", ".join(sorted(unread)[:3]) + (" ..." if len(unread) > 3 else "")
    many = "1 picture" if len(unread) == 1 else f"{len(unread)} pictures"
    remarks = [f"{many} could not be read: {named}"] if unread else []
    if len(fit) < len(paths) - len(unread):
        whole = paths[0][1].parent
        remarks.append(f"{len(fit)} of {len(paths)} pictures are shown; all are in {whole}")
    return [Picture(step, uri(data)) for step, data in fit], remarks


def even(items: Sequence[Item], most: int) -> list[Item]:
    """At most so many of the items, evenly, with the last and, of several, the first."""
    if most <= 1:
        return list(items[-1:])
    places = np.linspace(0, len(items) - 1, min(most, len(items))).round().astype(int)
    return [items[i] for i in places]


def encoded(path: Path, small: int) -> bytes:
    """A picture as it is, if it has no more than ``small`` bytes, else as a smaller WebP."""
    data = path.read_bytes()
    with Image.open(io.BytesIO(data)) as image:
        image.load()  # one that is cut off is noticed here and not in the browser
        known = image.format in FORMATS
        if known and len(data) <= small and image.width <= 2 * PIXELS:
            return data
        shown = image.convert("RGB")
    shown.thumbnail((PIXELS, PIXELS))
    file = io.BytesIO()
    shown.save(file, "WEBP", quality=QUALITY)
    return min(file.getvalue(), data if known else file.getvalue(), key=len)


def animated(path: Path, budget: int) -> tuple[str, str]:
    """The animation as it is if it fits, or smaller; and what has to be said of it."""
    try:
        data = path.read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(image)]
            if image.format in FORMATS and len(data) <= budget:
                return uri(data), ""
    except UNREADABLE:
        return "", f"{path} could not be read"
    for count, pixels in ((FRAMES, FRAME_PIXELS), (FRAMES // 2, FRAME_PIXELS // 2)):
        file, chosen = io.BytesIO(), even(frames, count)
        for frame in chosen:
            frame.thumbnail((pixels, pixels))
        times = [400] * (len(chosen) - 1) + [2000]
        chosen[0].save(
            file, "WEBP", save_all=True, append_images=chosen[1:], duration=times, loop=0,
            quality=60,
        )  # fmt: skip
        if len(file.getvalue()) <= budget:
            told = f"the animation was made smaller ({files.amount(len(data))}): {path}"
            return uri(file.getvalue()), told
    return "", f"the animation is too large for this page ({files.amount(len(data))}): {path}"


def uri(data: bytes) -> str:
    """A picture in a page."""
    return f"data:image/{KINDS[data[:2]]};base64,{base64.b64encode(data).decode()}"
