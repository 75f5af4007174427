"""Several players, of which one loss may train any together."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax

from jaxgan.base.state import Metrics, Net, weights
from jaxgan.learning import updates
from jaxgan.learning.player import Player

PyTree = Any
# ``run(name, *inputs)``: what that network gives in training.
Run = Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class Players:
    """Players by name, as their networks are in ``State.nets``.

    Attributes:
      named: the players.
      accumulate: parts in which a batch's gradient is worked out, ``config.accumulate``.
    """

    named: Mapping[str, Player]
    accumulate: int = 1

    def init(self, key: jax.Array, **inputs: tuple[jax.Array, ...]) -> dict[str, Net]:
        """Fresh networks; ``inputs`` has for each player by name what it is called with.

        Raises:
          ValueError: if ``inputs`` has other names than the players.
          TypeError: if what it has for one is no tuple.
        """
        self._check(inputs)
        if missing := set(self.named) - set(inputs):
            raise ValueError(f"no inputs for the players {', '.join(sorted(missing))}")
        for name, given in inputs.items():
            if not isinstance(given, tuple):
                raise TypeError(
                    f"the inputs of {name!r} must be a tuple, not {type(given).__name__}"
                )
        keys = jax.random.split(key, len(self.named))
        return {
            name: player.init(each, *inputs[name])
            for each, (name, player) in zip(keys, self.named.items(), strict=True)
        }

    def apply(self, nets: Mapping[str, Net], name: str, *inputs: Any, averaged: bool = True) -> Any:
        """What a network gives outside training, by its averaged weights where it has any."""
        self._check([name])
        params, stats = weights(nets[name], averaged)
        return self.named[name].apply(params, stats, *inputs, train=False)[0]

    def update(
        self,
        nets: Mapping[str, Net],
        trained: Sequence[str],
        loss: Callable[[Run, PyTree], tuple[jax.Array, Metrics]],
        rows: PyTree,
    ) -> tuple[dict[str, Net], Metrics]:
        """One optimizer step of some of the players on the gradient of one loss.

        Args:
          nets: of all players.
          trained: the names of those that move, and whose statistics are kept.
          loss: ``(run, rows) -> (value, metrics)``, a mean over the rows, and scalars by name; it
            calls the networks by ``run(name, *inputs)``, in training, each as often as it likes:
            batch statistics go on from call to call.
          rows: trees of [B, ...]: samples, latents, keys; whatever belongs to a sample.

        Returns:
          All networks, and the metrics, with ``NAME/grad_norm`` of those that moved, by which they
          are watched.

        Raises:
          ValueError: for the name of a player that there is not.
          TypeError: if ``loss`` returns something else.
        """
        self._check(trained)

        def of_part(part: PyTree) -> tuple[PyTree, tuple[PyTree, PyTree]]:
            def objective(params: PyTree) -> tuple[jax.Array, tuple[PyTree, PyTree]]:
                stats = {name: net.stats for name, net in nets.items()}

                def run(name: str, *inputs: Any) -> Any:
                    self._check([name])
                    used = params.get(name, nets[name].params)
                    out, stats[name] = self.named[name].apply(
                        used, stats[name], *inputs, train=True
                    )
                    return out

                found: Any = loss(run, part)
                if not (isinstance(found, tuple) and len(found) == 2):
                    raise TypeError(
                        f"the loss of {', '.join(trained)} must return (value, metrics), and "
                        f"returned {type(found).__name__}"
                    )
                value, metrics = found
                return value, ({name: stats[name] for name in trained}, metrics)

            start = {name: nets[name].params for name in trained}
            return jax.grad(objective, has_aux=True)(start)

        grads, (stats, metrics) = updates.accumulate(of_part, rows, self.accumulate)
        moved, metrics = {}, dict(metrics)
        for name in trained:
            moved[name], norm = self.named[name].update(nets[name], grads[name], stats[name])
            metrics[f"{name}/grad_norm"] = norm
        return {**nets, **moved}, metrics

    def _check(self, names: Iterable[str]) -> None:
        """Refuses names of players that there are not."""
        if unknown := [name for name in names if name not in self.named]:
            raise ValueError(
                f"no player is called {unknown[0]!r}; they are {', '.join(self.named)}"
            )
