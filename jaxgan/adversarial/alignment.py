"""Representation alignment: what D knows of real samples is drawn to what an extractor sees.

Yu et al. 2025, "Representation Alignment for Generation" (arXiv:2410.06940), as GAT
(arXiv:2509.24935) has it, on any layer of an extractor of ours.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import augment, data, losses
from jaxgan.adversarial.game import Game, Terms, head
from jaxgan.adversarial.purposes import OfStep, OfUpdate
from jaxgan.base import draws
from jaxgan.base.method import PIXELS, Method
from jaxgan.base.state import Batch, Metrics, State
from jaxgan.extractors.perceptual import Perceptual
from jaxgan.learning.player import Player
from jaxgan.networks import Critique

PyTree = Any
# The features to be near to, among the conditions of real samples.
TARGETS = "aligned"


@dataclasses.dataclass(frozen=True)
class Alignment:
    """To which features D's are drawn, and of which images.

    Attributes:
      features: of an extractor; of one layer.
      shape: of the images that it is shown.
      moved: whether these are shifted as what D sees is; ``False``: as in ``augment.follow``.
      behind: whether they are those behind the latents that D sees.
    """

    features: Perceptual
    shape: tuple[int, ...]
    moved: bool
    behind: bool

    @property
    def width(self) -> int:
        """The length C of a feature."""
        extras = self.features.extras({}, self.shape)
        image = jax.ShapeDtypeStruct((1, *self.shape), jnp.float32)
        return jax.eval_shape(lambda x: self.look(extras, x), image).shape[-1]

    def look(self, extras: Mapping[str, PyTree], images: jax.Array) -> jax.Array:
        """The map [B, h, w, C] that the extractor has of images [B, H, W, C] in [-1, 1]."""
        (layer,) = self.features.layers
        return self.features.look(extras)(images)[layer]

    def taught(self, player: Player) -> Player:
        """The discriminator with a head of features of that length.

        Raises:
          ValueError: if its network has no field for it.
        """
        if not hasattr(player.module, "aligned"):
            raise ValueError("alignment needs a discriminator with the field 'aligned', as gat's")
        return replace(player, module=player.module.clone(aligned=self.width))

    def method(self, made: Method, game: Game, grid: tuple[int, int]) -> Method:
        """A game's method, whose steps find out what the batch's images look like to the extractor.

        Args:
          made: the method.
          game: whose augmentation they follow; ``d_terms`` are ``terms``.
          grid: of the places that D has features of.
        """

        def init(key: jax.Array, batch: Batch) -> State:
            state = made.init(key, batch)
            return replace(
                state, extras={**state.extras, **self.features.extras(batch, self.shape)}
            )

        def step(state: State, batch: Batch, key: jax.Array) -> tuple[State, Metrics]:
            images = batch[PIXELS if self.behind else "image"]
            if game.common.techniques.augment == "latent":
                keys = draws.sample_keys(key, len(images), game.common.axis_name)
                keys = draws.fold(draws.fold(keys, OfStep.D_UPDATE), OfUpdate.REAL_AUGMENT)
                moves = augment.draw_moves(keys, batch["image"])
                images = augment.follow(moves, images, moved=self.moved)
            return made.step(state, {**batch, TARGETS: self.targets(state, images, grid)}, key)

        def prepare(source: data.Source) -> Batch:
            return self.features.prepare(source.behind or source)

        entries = (*made.entries, PIXELS) if self.behind else made.entries
        return replace(made, init=init, step=step, prepare=prepare, entries=entries)

    def targets(self, state: State, images: jax.Array, grid: tuple[int, int]) -> jax.Array:
        """The features [B, 1 + T, C] of images: their mean, and those of the T places."""
        seen = self.look(state.extras, images)
        B, C = len(seen), seen.shape[-1]
        at = jax.image.resize(seen, (B, *grid, C), "cubic").reshape(B, -1, C)
        return jnp.concatenate([seen.mean(axis=(1, 2))[:, None], at], axis=1)

    def terms(self, real: Critique, fake: Critique, of_real: PyTree, of_fake: PyTree) -> Terms:
        """How far D's features of real samples are from their images'; see ``Game.d_terms``."""
        gap = losses.representation_alignment(head(real, "aligned"), of_real[TARGETS])
        return self.features.weight * gap, {"d/alignment": gap}
