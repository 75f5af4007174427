"""The network of the domain extractor and its training: one recipe for every small dataset."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxgan import losses
from jaxgan.learning import optimizers
from jaxgan.learning.player import Player
from jaxgan.nn import Conv

PyTree = Any
Say = Callable[[str], None]

WIDTH = 128  # features


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How the classifier is made; a change of this, or of the code, is a new ``version``.

    Attributes:
      version: of network and training.
      epochs: at most so many, fewer where ``steps`` are reached before.
      steps: about so many at most.
      batch_size: images a step.
      learning_rate: the highest one, of a linear warm-up and a cosine to zero.
      weight_decay: of AdamW.
      shift: images are moved by up to this share of their side, at least a pixel, either way.
      rows: images that are read at most, evenly spaced, to train on.
      tested: likewise, for the test accuracy and the checksum of the data.
    """

    version: int = 1
    epochs: int = 40
    steps: int = 2800
    batch_size: int = 128
    learning_rate: float = 5e-3
    weight_decay: float = 0.02
    shift: float = 0.05
    rows: int = 200_000
    tested: int = 10_000


class Classifier(nn.Module):
    """Images [B, H, W, C] in [-1, 1] to features [B, 128] and logits [B, num_classes].

    Attributes:
      num_classes: how many there are.
      layers: names of convolutions, ``conv_0`` and on; where there are some, their maps by name are
        what it gives, [B, h, w, c], and nothing behind the last of them is computed.
    """

    num_classes: int
    layers: tuple[str, ...] = ()

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> Any:
        """Classify; ``train`` takes the statistics of the batch."""
        seen = Seen(self.layers)

        def normalize(x: jax.Array) -> jax.Array:
            return nn.BatchNorm(use_running_average=not train, momentum=0.95)(x)

        # Blocks of 2 x 2 pixels become channels: what the first layers cost falls by four.
        x = _blocks(x)
        x = x.reshape(*x.shape[:3], -1)
        for width in (24, 48):
            x = nn.relu(normalize(Conv(width, 3, use_bias=False)(x)))
            if seen.whole(x):
                return seen.maps
        while max(x.shape[1:3]) > 8:
            x = _blocks(x).max(axis=-2)
            x = nn.relu(normalize(Conv(96, 3, use_bias=False)(x)))
            if seen.whole(x):
                return seen.maps
        seen.end()
        x = nn.Dense(WIDTH, use_bias=False)(x.reshape(x.shape[0], -1))
        features = nn.silu(normalize(x))
        return features, nn.Dense(self.num_classes)(features)


class Seen:
    """The maps of some layers by name, gathered as they come.

    Attributes:
      maps: those that came.
    """

    def __init__(self, layers: Sequence[str]) -> None:
        """Of ``layers``; of none, nothing is gathered."""
        self.layers, self.known, self.maps = layers, list[str](), dict[str, jax.Array]()

    def whole(self, x: jax.Array, name: str = "") -> bool:
        """Takes in the next layer's maps; whether all are there now."""
        name = name or f"conv_{len(self.known)}"
        self.known.append(name)
        if name in self.layers:
            self.maps[name] = x
        return bool(self.layers) and len(self.maps) == len(set(self.layers))

    def end(self) -> None:
        """Says that no other layer comes.

        Raises:
          ValueError: naming one that is missing, and those that there are.
        """
        for name in self.layers:
            if name not in self.known:
                raise ValueError(f"there is no layer {name!r}; they are {', '.join(self.known)}")


def _blocks(x: jax.Array) -> jax.Array:
    """[B, H, W, C] as blocks of 2 x 2 pixels, [B, H / 2, W / 2, 4, C]; odd sides are padded."""
    B, H, W, C = x.shape
    x = jnp.pad(x, ((0, 0), (0, H % 2), (0, W % 2), (0, 0)))
    x = x.reshape(B, (H + 1) // 2, 2, (W + 1) // 2, 2, C).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(*x.shape[:3], 4, C)


def fit(
    rows: tuple[np.ndarray, np.ndarray], num_classes: int, recipe: Recipe, seed: int, say: Say
) -> PyTree:
    """A trained ``Classifier``: its variables, as host arrays. The same seed, the same bits.

    AdamW in one compiled scan an epoch, with the dataset on the device.

    Args:
      rows: images uint8 [n, H, W, C], and labels int32 [n] in [0, num_classes).
      num_classes: how many there are.
      recipe: how.
      seed: of the parameters, the order and the shifts.
      say: shows a line now and then.
    """
    n = len(rows[0])
    size = min(recipe.batch_size, n)
    per_epoch = min(n // size, recipe.steps)
    epochs = max(1, min(recipe.epochs, round(recipe.steps / per_epoch)))
    schedule = {
        "name": "cosine_onecycle_schedule",
        "transition_steps": epochs * per_epoch,
        "peak_value": 1.0,
        "pct_start": 0.2,
    }
    adamw = {"name": "adamw", "learning_rate": recipe.learning_rate, "b2": 0.99}
    optimizer = optimizers.build(
        {**adamw, "weight_decay": recipe.weight_decay, "schedule": schedule}
    )
    player = Player(Classifier(num_classes), optimizer)
    reach = max(1, round(recipe.shift * max(rows[0].shape[1:3])))
    base = jax.random.key(seed)

    def epoch(net: PyTree, images: jax.Array, labels: jax.Array, key: jax.Array) -> PyTree:
        order = jax.random.permutation(jax.random.fold_in(key, 0), n)[: per_epoch * size]

        def step(net: PyTree, chosen: tuple[jax.Array, jax.Array]) -> PyTree:
            i, places = chosen
            x = _shift(images[places], jax.random.fold_in(key, i + 1), reach)

            def loss(params: PyTree) -> tuple[jax.Array, PyTree]:
                (_, logits), stats = player.apply(params, net.stats, centre(x), train=True)
                return losses.auxiliary_classifier(logits, labels[places]), stats

            (value, stats), grads = jax.value_and_grad(loss, has_aux=True)(net.params)
            return player.update(net, grads, stats)[0], value

        batches = (jnp.arange(per_epoch), order.reshape(per_epoch, size))
        net, values = jax.lax.scan(step, net, batches)
        return net, values.mean()

    run = jax.jit(epoch, donate_argnums=0)
    images, labels = (jnp.asarray(array) for array in rows)
    net = player.init(jax.random.fold_in(base, 0), jnp.zeros((1, *rows[0].shape[1:]), jnp.float32))
    said = time.perf_counter()
    for i in range(epochs):
        net, value = run(net, images, labels, jax.random.fold_in(base, i + 1))
        mean = float(value)  # waits for the epoch
        if time.perf_counter() - said > 10.0:
            say(f"epoch {i + 1} of {epochs}: loss {mean:.3f}")
            said = time.perf_counter()
    return jax.device_get({"params": net.params, **net.stats})


def centre(images: jax.Array) -> jax.Array:
    """Bytes as float32 in [-1, 1]."""
    return (images.astype(jnp.float32) - 127.5) / 127.5


def _shift(images: jax.Array, key: jax.Array, reach: int) -> jax.Array:
    """Each image [B, H, W, C] moved by its own whole pixels up to ``reach``, its edge repeated."""
    sides = ((0, 0), (reach, reach), (reach, reach), (0, 0))
    corners = jax.random.randint(key, (len(images), 2), 0, 2 * reach + 1, jnp.int32)
    shape = images.shape[1:]

    def cut(image: jax.Array, corner: jax.Array) -> jax.Array:
        return jax.lax.dynamic_slice(image, (corner[0], corner[1], jnp.int32(0)), shape)

    return jax.vmap(cut)(jnp.pad(images, sides, mode="edge"), corners)
