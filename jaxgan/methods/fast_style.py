"""Feed-forward style transfer: a network that gives any image the style of one picture.

Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution"
(arXiv:1603.08155), eq. 2 to 5, on the layers of any extractor in the place of VGG-16's.
"""

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import data, losses
from jaxgan.adversarial import several, translating
from jaxgan.base import errors, files
from jaxgan.base.method import Method
from jaxgan.base.state import Batch, Metrics, State
from jaxgan.data import images, remarks
from jaxgan.extractors import maps
from jaxgan.extractors.perceptual import Perceptual, prepared
from jaxgan.learning.player import Player
from jaxgan.learning.players import Run

PyTree = Any
# The style's Gram matrices, among the entries of the batch that ``init`` gets and in the state.
GRAMS = "grams"
# Of which the sides are that the network ``translator`` takes.
MULTIPLE = 4


@dataclasses.dataclass(frozen=True)
class FastStyle:
    """A generator of images from images, taught by an extractor alone.

    Attributes:
      common: the fields of every method of several networks.
      generator: called with an image.
      style: the file of the picture whose style is learned. It is brought to the images' channels.
      extractor: ``'domain'`` (a classifier of the images, by their labels) or ``'inception'``.
      content_layers: whose maps are to stay as the image's (eq. 2), see ``extractors.maps``.
      style_layers: whose Gram matrices are to be as the style's (eq. 4).
      content_weight: of the squared distance, a mean over a layer's values and a sum over layers.
      style_weight: of the squared distance of Gram matrices, a sum over their entries and layers.
      variation: weight of the squared differences of neighbours, a sum over an image in [-1, 1].
      style_size: the side that the picture's centred square is brought to; 0: as it is.
      weights: Inception's file.
      weights_digest: its SHA-256, if it must be that one.
    """

    common: several.Common = dataclasses.field(metadata=several.flat(ema_decay=0.0))
    generator: Mapping[str, Any]
    content_layers: tuple[str, ...]
    style_layers: tuple[str, ...]
    style: str = ""
    extractor: str = "inception"
    content_weight: float = 1.0
    style_weight: float = 1.0
    variation: float = 0.0
    style_size: int = 0
    weights: str = ""
    weights_digest: str = ""

    def __post_init__(self) -> None:
        """Refuses values that no run can have."""
        if not self.style:
            raise ValueError("method.style is missing: the picture whose style is to be learned")
        if self.extractor not in maps.EXTRACTORS:
            raise ValueError(f"extractor must be one of {', '.join(maps.EXTRACTORS)}")
        if (self.extractor == "inception") != bool(self.weights):
            raise ValueError("method.weights is the file of method.extractor='inception'")
        if not (self.content_layers and self.style_layers):
            raise ValueError("content_layers and style_layers must name layers")
        if min(self.content_weight, self.style_weight, self.variation, self.style_size) < 0:
            raise ValueError("the weights and style_size must be at least 0")
        if not self.style_weight:
            raise ValueError("style_weight=0 leaves nothing to learn")
        if len(self.common.shape) != 3 or self.common.shape[-1] not in (1, 3):
            raise ValueError(
                "a style is given to images, grey or in colour, and the data have the shape "
                f"{tuple(self.common.shape)}"
            )

    @cached_property
    def players(self) -> dict[str, Player]:
        """The generator alone."""
        return {"g": self.common.player("generator", self.generator, shape=self.common.shape)}

    @cached_property
    def seen(self) -> Perceptual:
        """All layers that are looked at, each once."""
        layers = tuple(dict.fromkeys((*self.content_layers, *self.style_layers)))
        weights, digest = self.weights, self.weights_digest
        return Perceptual(self.extractor, layers, weights=weights, weights_digest=digest)

    def build(self) -> Method:
        """The method: samples are the condition ``image`` in the style, of any size."""
        return several.method(
            self.common,
            self.players,
            lambda rows: {"g": (rows["image"],)},
            [(["g"], self.g_loss)],
            latents=translating.latents,
            extras=self.extras,
            generate=self.generate,
            conditions=translating.CONDITIONS,
            prepare=self.prepare,
        )

    def generate(self, state: State, latents: jax.Array, **asked: Any) -> jax.Array:
        """See ``Method``; images of any size are brought to what the network takes, and back."""
        styled = translating.generator(self.players, "g", lambda x, _: (padded(x),))
        made = styled(state, latents, **asked)
        H, W = asked[translating.CONDITIONS[0]].shape[1:3]
        return made[:, :H, :W]

    def extras(self, batch: Batch) -> dict[str, PyTree]:
        """What the state keeps: the extractor's variables, and the style's Gram matrices."""
        kept = self.seen.extras(batch, self.common.shape)
        image = jax.ShapeDtypeStruct((1, *self.common.shape), jnp.float32)
        return {**kept, GRAMS: prepared(batch, GRAMS, jax.eval_shape(self.grams, kept, image))}

    def grams(self, extras: Mapping[str, PyTree], image: jax.Array) -> PyTree:
        """The Gram matrices of an image [1, H, W, C], [c, c] of each of the style's layers."""
        found = self.seen.look(extras)(image)
        return {name: losses.gram(found[name])[0] for name in self.style_layers}

    def prepare(self, source: data.Source) -> Batch:
        """The extractor's variables and the style, see ``Method``: the state keeps them."""
        picture = self.picture()
        # Of the images, also where these have targets.
        kept = self.seen.prepare(dataclasses.replace(source, target=(), targets=0))
        return {**kept, GRAMS: jax.jit(self.grams)(kept, picture)}

    def picture(self) -> np.ndarray:
        """The style, float32 [1, H, W, C] in [-1, 1].

        Raises:
          UserError: if its file cannot be read.
          ValueError: if it is too small for one of the layers.
        """
        try:
            pixels = images.decode(files.expanded(self.style))
        except errors.UserError as error:
            raise errors.UserError(f"config.method.style: {error}") from error
        C = self.common.shape[-1]
        if pixels.shape[-1] != C:
            remarks.tell(f"the style {self.style} is taken {'in grey' if C == 1 else 'as colour'}")
        pixels = images.fit(pixels, self.style_size, C)
        try:
            maps.shapes(self.extractor, self.style_layers, pixels.shape)
        except ValueError as error:
            raise ValueError(f"the style {self.style}: {error}") from error
        return data.to_float({"image": pixels[None]})["image"]

    def g_loss(self, run: Run, rows: several.Rows) -> tuple[jax.Array, Metrics]:
        """To look as the style, and to show what the image shows (eq. 5)."""
        image, extras = rows["image"], rows["extras"]
        look, made = self.seen.look(extras), run("g", image)
        found, wanted = look(made), look(image)
        apart = (losses.l2(found[name], wanted[name]) for name in self.content_layers)
        content = sum(apart, jnp.zeros((), jnp.float32))
        grams = {name: losses.gram(found[name]) for name in self.style_layers}
        of_style = {n: jnp.broadcast_to(extras[GRAMS][n][None], g.shape) for n, g in grams.items()}
        style, variation = losses.style(grams, of_style), losses.total_variation(made)
        value = self.content_weight * content + self.style_weight * style
        value += self.variation * variation
        terms = {"g/content": content, "g/style": style, "g/variation": variation}
        return value, {"g/loss": value, **terms}


def padded(x: jax.Array) -> jax.Array:
    """Images [B, H, W, C] with their last row and column repeated up to multiples of 4."""
    more = [(0, 0), *((0, -side % MULTIPLE) for side in x.shape[1:3]), (0, 0)]
    return jnp.pad(x, more, "edge")
