"""CycleGAN: two translations, there and back, learned from images that are not paired.

Zhu et al. 2017, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks"
(arXiv:1703.10593), eq. 3, and the identity term of section 5.2.
"""

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import losses
from jaxgan.adversarial import buffers, several, translating
from jaxgan.adversarial.purposes import OfStep
from jaxgan.base import draws
from jaxgan.base.method import Method
from jaxgan.base.state import Batch, Metrics, State
from jaxgan.learning.player import Player
from jaxgan.learning.players import Players, Run

# Each translation, the one back, and who judges what it makes.
GAMES = (("g", "f", "dy"), ("f", "g", "dx"))


@dataclasses.dataclass(frozen=True)
class CycleGAN:
    """G makes targets of images and F images of targets; D_Y and D_X judge them.

    Attributes:
      common: the fields of every method of several networks.
      generator: of both translations.
      discriminator: of both sides.
      target_shape: of a target, filled in from the dataset.
      loss: of all players, see ``losses.gan``; that of the discriminators is halved.
      cycle: weight of the distance of an image to what comes back of it.
      identity: weight of the distance of a target to what G makes of it, times that of the cycle;
        0 where the two sides have other channels.
      pool: made images that are kept for the discriminators; 0 shows them the new ones.
    """

    common: several.Common = dataclasses.field(metadata=several.flat(ema_decay=0.0))
    generator: Mapping[str, Any]
    discriminator: Mapping[str, Any]
    target_shape: tuple[int, ...]
    loss: str = "least_squares"
    cycle: float = 10.0
    identity: float = 0.5
    pool: int = 50

    def __post_init__(self) -> None:
        """Refuses values that no run can have."""
        if min(self.cycle, self.identity, self.pool) < 0:
            raise ValueError("cycle, identity and pool must be at least 0")

    @cached_property
    def players(self) -> dict[str, Player]:
        """Both translations and both discriminators."""
        c = self.common
        back_and_forth = {"g": self.target_shape, "f": c.shape}
        found = {
            n: c.player("generator", self.generator, shape=s) for n, s in back_and_forth.items()
        }
        judges = {name: c.player("discriminator", self.discriminator) for name in ("dy", "dx")}
        g = dataclasses.replace(found["g"], averaged=c.ema_decay > 0)
        return {**found, "g": g, **judges}

    @cached_property
    def everyone(self) -> Players:
        """All of them, to be moved."""
        return Players(self.players, self.common.accumulate)

    def build(self) -> Method:
        """The method: samples are translations of the condition ``image`` to the targets' side."""
        if self.identity and self.common.shape[-1] != self.target_shape[-1]:
            raise ValueError("images and targets of other channels have no identity: identity=0")
        return Method(
            self.init,
            self.step,
            latents=lambda key, n: translating.latents(draws.sample_keys(key, n)),
            generate=translating.generator(self.players, "g", lambda images, _: (images,)),
            entries=("image", "target"),
            apart=("target",),
            conditions=translating.CONDITIONS,
        )

    def init(self, key: jax.Array, batch: Batch) -> State:
        """Fresh networks and empty pools."""
        x, y = batch["image"][:2], batch["target"][:2]
        nets = self.everyone.init(key, g=(x,), f=(y,), dy=(y,), dx=(x,))
        sides = {"dy": y[0], "dx": x[0]} if self.pool else {}
        pools = {name: buffers.image_pool_init(self.pool, side) for name, side in sides.items()}
        return State(jnp.zeros((), jnp.int32), nets, {"pools": pools} if self.pool else {})

    def step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, Metrics]:
        """The translations move together, then the discriminators, on what was made before."""
        rows: dict[str, Any] = {"g": batch["image"], "f": batch["target"]}
        made, extras = self.remembered(state, rows, key)
        nets, metrics = self.everyone.update(state.nets, ("g", "f"), self.g_loss, rows)
        nets, more = self.everyone.update(nets, ("dy", "dx"), self.d_loss, {**rows, **made})
        g = self.players["g"].average(nets["g"], self.common.ema_decay, state.step)
        return State(state.step + 1, {**nets, "g": g}, extras), {**metrics, **more}

    def remembered(
        self, state: State, rows: Mapping[str, jax.Array], key: jax.Array
    ) -> tuple[dict[str, jax.Array], dict[str, Any]]:
        """What the discriminators see of what is made, and the pools that keep it."""
        shown, pools, axis_name = {}, {}, self.common.axis_name
        keys = draws.sample_keys(key, len(rows["g"]), axis_name)
        of_game = jax.vmap(jax.random.split)(draws.fold(keys, OfStep.VARIANT))
        for i, (name, _, judge) in enumerate(GAMES):
            net = state.nets[name]
            made = self.players[name].apply(net.params, net.stats, rows[name], train=True)[0]
            shown[judge] = jax.lax.stop_gradient(made)
            if self.pool:
                shown[judge], pools[judge] = buffers.image_pool_query(
                    of_game[:, i], state.extras["pools"][judge], shown[judge], axis_name=axis_name
                )
        return shown, {"pools": pools} if self.pool else {}

    def g_loss(self, run: Run, rows: Mapping[str, jax.Array]) -> tuple[jax.Array, Metrics]:
        """Both translations: taken for the other side, coming back, keeping what is there."""
        total, adversarial = jnp.zeros((), jnp.float32), losses.adversarial(self.loss)
        metrics: Metrics = {}
        for name, back, judge in GAMES:
            image, other = rows[name], rows[back]
            made = run(name, image)
            real = run(judge, other).logits if adversarial.paired else None
            logits = run(judge, made).logits
            fooled = adversarial.generator(logits, real, axis_name=self.common.axis_name)
            cycle = losses.cycle(image, run(back, made))
            total += fooled + self.cycle * cycle
            metrics |= {f"{name}/adversarial": fooled, f"{name}/cycle": cycle}
            if self.identity:
                kept = losses.identity(other, run(name, other))
                total += self.cycle * self.identity * kept
                metrics[f"{name}/identity"] = kept
        return total, {**metrics, "g/loss": total}

    def d_loss(self, run: Run, rows: Mapping[str, jax.Array]) -> tuple[jax.Array, Metrics]:
        """Half the loss of each discriminator."""
        adversarial = losses.adversarial(self.loss).discriminator
        total, metrics = jnp.zeros((), jnp.float32), dict[str, jax.Array]()
        for _, back, judge in GAMES:
            real, made = run(judge, rows[back]).logits, run(judge, rows[judge]).logits
            value = adversarial(real, made, axis_name=self.common.axis_name) / 2
            total += value
            metrics[f"{judge}/loss"] = value
        return total, metrics
