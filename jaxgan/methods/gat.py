"""GAT: transformers, whose discriminator is shown every stage of the generator under its own noise.

Hyun et al. 2026, "Scalable GANs with Transformers" (arXiv:2509.24935), after the authors' code:
relativistic pairs, with R1 and R2 by differences. ``guidance='scales'`` and ``consistency`` are
after its sequel CAT (arXiv:2605.26449): each stage is judged at a resolution of its own, and drawn
to the final one. The form of that term is ours: the authors' could not be read.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxgan import adversarial, augment
from jaxgan.adversarial.alignment import TARGETS, Alignment
from jaxgan.adversarial.game import Terms, normal_latents, plain_judge
from jaxgan.adversarial.purposes import OfStep, OfUpdate
from jaxgan.adversarial.techniques import Techniques
from jaxgan.augment import levels
from jaxgan.base import draws
from jaxgan.base.method import Method
from jaxgan.extractors.perceptual import Perceptual
from jaxgan.learning import optimizers
from jaxgan.learning.player import Player
from jaxgan.networks import Critique
from jaxgan.nn.transformer import grid_of

PyTree = Any
View = Callable[[jax.Array], jax.Array]
GUIDANCE = ("noise", "scales", "none")
DEFAULTS = adversarial.flat(
    loss="relativistic_pairing",
    latent_dim=64,
    techniques=Techniques(r1=0.1, r2=0.1, penalty_sigma=0.01, augment="latent"),
)


@dataclasses.dataclass(frozen=True)
class GAT:
    """A generator of several stages, and a discriminator that is shown them.

    Attributes:
      common: see ``adversarial.Common``; ``ema_decay`` holds from the first step on.
      conditional: whether both players are told labels.
      num_classes: filled in from the dataset; ``None`` where it has no labels.
      guidance: what D is shown: ``'noise'``, all stages together, the earlier ones under more
        noise; ``'scales'``, each by itself, the earlier ones at half the resolution of the next;
        ``'none'``, the last one alone.
      consistency: weight in G's loss of the mean squared distance of the earlier stages from the
        last, at the resolution that each is shown at.
      reference_width: learning rates are times this over a network's width; 0 leaves them.
      clip_norm: of each network's gradient; 0: not clipped.
      alignment: the features of one layer, of real images, to which D's are drawn; off by default.
      alignment_moved: whether those images are shifted as D's are; ``False``: as the authors' code
        does, nearly not.
      pixel_shape: of the images of which the data are latents, filled in; () where they are none.
    """

    common: adversarial.Common = dataclasses.field(metadata=DEFAULTS)
    conditional: bool = True
    num_classes: int | None = None
    guidance: str = "noise"
    consistency: float = 0.0
    reference_width: int = 768
    clip_norm: float = 1.0
    alignment: Perceptual = dataclasses.field(default_factory=Perceptual)
    alignment_moved: bool = True
    pixel_shape: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuses values that no run can have."""
        adversarial.count_classes(self.conditional, self.num_classes)
        if self.guidance not in GUIDANCE:
            raise ValueError(f"guidance must be one of {', '.join(GUIDANCE)}")
        for name in ("consistency", "reference_width", "clip_norm"):
            if not getattr(self, name) >= 0:  # not `< 0`, which is false for nan
                raise ValueError(f"{name} must be at least 0")
        if self.guidance == "none" and self.consistency:
            raise ValueError("consistency is of stages, and guidance='none' shows the last alone")
        t = self.common.techniques
        if t.pack > 1 or t.replay:
            told = "pack: its discriminator has one label a sample" if t.pack > 1 else "replay"
            raise ValueError(f"gat has no techniques.{told}")
        if not self.alignment and self.alignment.weight != 1:
            raise ValueError("alignment.weight needs an extractor")
        if self.alignment and len(self.alignment.layers) != 1:
            raise ValueError("alignment is to one layer: alignment.layers must name one")
        if self.alignment and (t.d_refresh_every or t.augment not in ("none", "latent")):
            told = "d_refresh_every" if t.d_refresh_every else f"augment={t.augment!r}"
            raise ValueError(f"alignment cannot follow techniques.{told}")
        for wrong, text in (
            (t.augment not in ("none", "latent"), f"augment={t.augment!r}"),
            (t.consistency != "none", f"consistency={t.consistency!r}"),
            (t.instance_noise > 0, "instance_noise"),
            (t.gradient_penalty > 0, "gradient_penalty"),
        ):
            if wrong and self.guidance != "none":
                raise ValueError(
                    f"techniques.{text} is of one image a sample, and guidance={self.guidance!r} "
                    "has several"
                )

    @cached_property
    def game(self) -> adversarial.Game:
        """How they play: in both updates of a step G makes samples of the same latents."""
        c = self.common
        classes = adversarial.count_classes(self.conditional, self.num_classes)
        given: dict[str, Any] = {"num_classes": classes} if classes else {}
        g = adversarial.generator(c, together=self.guidance != "none", **given)
        d = adversarial.discriminator(c, **given)
        d = self.aligned.taught(d) if self.alignment else d
        labelled = adversarial.by_label(classes) if classes else {}
        of_real = labelled.get("of_real", lambda batch, keys: {})
        guided: dict[str, Any] = {}
        if self.guidance != "none":
            guided = {"sight": self.sight, "shown": self.shown}
            guided |= {"g_shape": self.apart} if self.consistency else {}
        if self.guidance == "scales":
            guided["judge"] = self.judge
        of_judged = of_real
        if self.alignment:
            guided["d_terms"] = self.aligned.terms
            of_judged = lambda batch, keys: {**of_real(batch, keys), TARGETS: batch[TARGETS]}  # noqa: E731
        return adversarial.Game(
            c,
            self.taught(g, c.g_optimizer),
            self.taught(d, c.d_optimizer),
            g_inputs=lambda z, conditions: (
                conditions.get("z", z),
                *adversarial.told(conditions),
            ),
            d_inputs=adversarial.told,
            judged_by=classes,
            decay=lambda step, samples: jnp.float32(c.ema_decay),
            **{
                **labelled,
                "of_real": of_judged,
                "of_fake": lambda batch, keys: {**of_real(batch, keys), "z": self.latents(keys)},
            },
            **guided,
        )

    def build(self) -> Method:
        """The method."""
        made = adversarial.method(self.game)
        if self.guidance == "scales":
            # D's network is shown one image at a time.
            alone = replace(self.game, shown=lambda samples: samples)
            made = replace(made, init=adversarial.method(alone).init)
        if not self.alignment:
            return made
        grid = grid_of(self.common.shape, self.game.d.module.patch)
        return self.aligned.method(made, self.game, grid)

    @property
    def aligned(self) -> Alignment:
        """What ``alignment`` asks for."""
        shape = self.pixel_shape or self.common.shape
        return Alignment(self.alignment, shape, self.alignment_moved, bool(self.pixel_shape))

    @property
    def stages(self) -> int:
        """How many images G makes of a sample."""
        return self.game.g.module.stages

    def latents(self, keys: jax.Array) -> jax.Array:
        """Those of a step's samples."""
        return normal_latents(self.game, draws.fold(keys, OfStep.VARIANT))

    def taught(self, player: Player, optimizer: Mapping[str, Any]) -> Player:
        """A player with its learning rate by its width, and its gradient clipped."""
        if self.reference_width:
            rate = optimizer["learning_rate"] * self.reference_width / player.module.width
            player = replace(
                player, optimizer=optimizers.build({**optimizer, "learning_rate": rate})
            )
        if not self.clip_norm:
            return player
        clip = optax.clip_by_global_norm(self.clip_norm)
        return replace(player, optimizer=optax.chain(clip, player.optimizer))

    def sight(self, keys: jax.Array, real: jax.Array, fake: jax.Array) -> tuple[View, View]:
        """How D is shown real samples [B, H, W, C], and the stages [B, H, W, L C] of others."""
        noise, moves = (
            draws.fold(keys, OfUpdate.REAL_NOISE),
            draws.fold(keys, OfUpdate.REAL_AUGMENT),
        )
        of_real = self.view(noise, moves, real)
        noise, moves = (
            draws.fold(keys, OfUpdate.FAKE_NOISE),
            draws.fold(keys, OfUpdate.FAKE_AUGMENT),
        )
        of_fake = self.view(noise, moves, fake)
        return lambda x: of_real(self.shown(x)), of_fake

    def view(self, noise: jax.Array, moves: jax.Array, samples: jax.Array) -> View:
        """Stages as D is shown them: all of a sample moved alike, by what its last one says."""
        L, C = self.stages, self.common.shape[-1]
        moved = None
        if self.common.techniques.augment == "latent":
            moved = augment.draw_moves(moves, samples[..., -C:])

        def see(images: jax.Array) -> jax.Array:
            if moved is not None:
                parts = levels.apart(images, L)
                images = levels.side_by_side([augment.move(moved, part) for part in parts])
            if self.guidance != "noise":
                return images
            normals = draws.normal(noise, images.shape[1:])
            return augment.noised(images, normals, augment.noise_levels(L))

        return see

    def shown(self, samples: jax.Array) -> jax.Array:
        """Samples [B, H, W, C] as all of their own stages, [B, H, W, L C]."""
        return levels.side_by_side([samples] * self.stages)

    def scaled(self, images: jax.Array) -> list[jax.Array]:
        """Stages [B, H, W, L C], each at the resolution that it is judged at."""
        parts = levels.apart(images, self.stages)
        if self.guidance != "scales":
            return parts
        return [halved(part, self.stages - 1 - k) for k, part in enumerate(parts)]

    def judge(
        self,
        game: adversarial.Game,
        params: PyTree,
        stats: PyTree,
        values: jax.Array,
        conditions: PyTree,
        *,
        train: bool,
    ) -> tuple[Critique, PyTree]:
        """What D says of each scale by itself: logits [B, L, 1, 1], the features of the last."""
        logits: list[jax.Array] = []
        for images in self.scaled(values):
            critique, stats = plain_judge(game, params, stats, images, conditions, train=train)
            logits.append(critique.logits)
        return replace(critique, logits=jnp.stack(logits, axis=1)[..., None, None]), stats

    def apart(self, stages: jax.Array) -> Terms:
        """How far the earlier stages are from the last.

        The last is drawn to them, too: it is their sum with what is added later, and would else go
        away as fast as they come, without an end.
        """
        *earlier, _ = self.scaled(stages)
        goals = self.scaled(self.shown(levels.apart(stages, self.stages)[-1]))
        gaps = [jnp.mean(jnp.square(a - b)) for a, b in zip(earlier, goals, strict=False)]
        gap = jnp.mean(jnp.stack(gaps))
        return self.consistency * gap, {"g/consistency": gap}


def halved(images: jax.Array, times: int) -> jax.Array:
    """Images [B, H, W, C] at half their sides so many times, by means.

    Raises:
      ValueError: if the sides do not divide.
    """
    B, H, W, C = images.shape
    k = 2**times
    if H % k or W % k:
        raise ValueError(f"images of {H} x {W} cannot be halved {times} times")
    return images.reshape(B, H // k, k, W // k, k, C).mean(axis=(2, 4))
