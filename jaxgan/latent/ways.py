"""The way of a projection as a picture: the target, the steps and the end, the loss under each."""

import numpy as np
from PIL import Image, ImageDraw

from jaxgan.latent.projection import Projection
from jaxgan.watch import pictures

# A tile is at least this wide, for the words under it, which are so high.
WIDE, LINE = 100, 14
SEAM = 4


def strip(found: Projection, place: int) -> Image.Image:
    """Of one of the images."""
    frames = [found.targets[place], *found.way[:, place]]
    words = ["target"]
    for step, loss in zip(found.steps, found.losses[:, place], strict=True):
        words.append(f"step {step}\nloss {loss:.4g}")
    words[-1] += f"\n{found.psnr[place]:.1f} dB"
    height, width = frames[0].shape[:2]
    factor = max(1, -(-WIDE // width))
    high, wide = height * factor, width * factor
    size = (len(frames) * (wide + SEAM) + SEAM, high + 2 * SEAM + 3 * LINE)
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    for i, (frame, text) in enumerate(zip(frames, words, strict=True)):
        shown = pictures.image(np.ascontiguousarray(frame)).convert("RGB")
        left = SEAM + i * (wide + SEAM)
        sheet.paste(shown.resize((wide, high), Image.Resampling.NEAREST), (left, SEAM))
        pen.multiline_text((left, high + 2 * SEAM), text, fill="black", spacing=2)
    return sheet
