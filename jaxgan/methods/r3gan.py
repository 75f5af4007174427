"""R3GAN: relativistic pairs with both penalties, and the schedules of its settings.

Huang et al. 2024, "The GAN is dead; long live the GAN! A Modern GAN Baseline" (arXiv:2501.05441),
equations 2 and 5, with the schedules of the authors' code: each value goes along half a cosine over
the first real images, ``v(n) = end + (start - end) (1 + cos(pi n / T)) / 2``, and stays then.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import adversarial
from jaxgan.adversarial.techniques import Techniques
from jaxgan.base.method import Method, of_run
from jaxgan.learning import optimizers, updates
from jaxgan.learning.player import Player

PAIRED = adversarial.flat(
    loss="relativistic_pairing", latent_dim=64, techniques=Techniques(r1=0.05, r2=0.05)
)


@dataclasses.dataclass(frozen=True)
class R3GAN:
    """A generator and a discriminator that sees every sample beside one of the other kind.

    What a value begins with is where it is for other methods: in the optimizers and ``techniques``.

    Attributes:
      common: see ``adversarial.Common``; ``ema_decay`` says only whether there is an average.
      conditional: whether both players are told labels.
      num_classes: filled in from the dataset; ``None`` where it has no labels.
      schedule_kimg: T, in thousands of real images; a step counts a batch once.
      rate_end: what both learning rates are multiplied by in the end.
      b2_end: what ``b2`` of the optimizers is in the end, where they are given one.
      gamma_end: what ``techniques.r1`` and ``r2`` are multiplied by in the end.
      augment_end: what ``techniques.augment_p`` is in the end.
      ema_kimg: half-life of the generator's average in the end; it begins with 0.
      batch_size: filled in from the run's.
    """

    common: adversarial.Common = dataclasses.field(metadata=PAIRED)
    conditional: bool = False
    num_classes: int | None = None
    schedule_kimg: float = 20_000.0
    rate_end: float = 0.25
    b2_end: float = 0.99
    gamma_end: float = 0.1
    augment_end: float = 0.55
    ema_kimg: float = 5000.0
    batch_size: int = dataclasses.field(default=64, metadata=of_run("batch_size"))

    def __post_init__(self) -> None:
        """Refuses values that no run can have."""
        adversarial.count_classes(self.conditional, self.num_classes)
        if not self.schedule_kimg > 0:  # not `<= 0`, which is false for nan
            raise ValueError("schedule_kimg must be above 0")
        if not 0 <= self.b2_end < 1 or not 0 <= self.augment_end <= 1:
            raise ValueError("b2_end must be in [0, 1), and augment_end in [0, 1]")
        for name in ("rate_end", "gamma_end", "ema_kimg"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be at least 0")

    @cached_property
    def game(self) -> adversarial.Game:
        """How they play."""
        c = self.common
        classes = adversarial.count_classes(self.conditional, self.num_classes)
        given: dict[str, Any] = {"num_classes": classes} if classes else {}
        g, d = adversarial.generator(c, **given), adversarial.discriminator(c, **given)
        return adversarial.Game(
            c,
            self.scheduled(g, c.g_optimizer, 1),
            self.scheduled(d, c.d_optimizer, c.n_critic),
            g_inputs=lambda z, conditions: (z, *adversarial.told(conditions)),
            d_inputs=adversarial.told,
            judged_by=classes,
            schedule=self.schedule,
            decay=self.decay,
            **(adversarial.by_label(classes) if classes else {}),
        )

    def build(self) -> Method:
        """The method."""
        return adversarial.method(self.game)

    def between(self, start: float, end: float, step: jax.Array) -> jax.Array:
        """A value after so many steps that is ``start`` at first."""
        n = step.astype(jnp.float32) * (self.batch_size / (1000 * self.schedule_kimg))
        return end + (start - end) * 0.5 * (1 + jnp.cos(jnp.pi * jnp.minimum(n, 1.0)))

    def scheduled(self, player: Player, optimizer: Mapping[str, Any], updates: int) -> Player:
        """A player whose learning rate and second beta change; it makes so many updates a step."""

        def rate(value: float, count: jax.Array) -> jax.Array:
            return value * self.between(1.0, self.rate_end, count // updates)

        def b2(value: float, count: jax.Array) -> jax.Array:
            return self.between(value, self.b2_end, count // updates)

        changing = {"learning_rate": rate, "b2": b2}
        known = {name: change for name, change in changing.items() if name in optimizer}
        return replace(player, optimizer=optimizers.build(optimizer, known))

    def schedule(self, step: jax.Array) -> dict[str, jax.Array]:
        """The weights of the penalties, and the probability of augmentation."""
        t = self.common.techniques
        shrunk = self.between(1.0, self.gamma_end, step)
        p = self.between(t.augment_p, self.augment_end, step)
        return {"r1": t.r1 * shrunk, "r2": t.r2 * shrunk, "augment_p": p}

    def decay(self, step: jax.Array, samples: int) -> jax.Array:
        """That of the generator's average."""
        life = self.between(0.0, 1000 * self.ema_kimg, step)
        return updates.half_life(life, 0.0, step, samples)
