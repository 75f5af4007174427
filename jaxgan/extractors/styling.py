"""An image optimized to the content of one image and the style of another.

Gatys et al. 2016, "Image Style Transfer Using Convolutional Neural Networks" (CVPR), eq. 1 to 7, on
the layers of any extractor; by Adam, where the authors took L-BFGS.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgan import losses

PyTree = Any
# Steps in one compiled loop.
CHUNK = 50


class Transferred(NamedTuple):
    """What ``transfer`` gives.

    Attributes:
      image: float32 [1, H, W, C] in [-1, 1].
      losses: eq. 7 before each step, float32 [steps].
    """

    image: jax.Array
    losses: jax.Array


def transfer(
    look: Callable[[jax.Array], dict[str, jax.Array]],
    content: jax.Array,
    style: jax.Array,
    *,
    content_layers: Sequence[str],
    style_layers: Sequence[str],
    content_weight: float = 1.0,
    style_weight: float = 1e3,
    variation: float = 0.0,
    steps: int = 300,
    learning_rate: float = 0.02,
    start: jax.Array | None = None,
) -> Transferred:
    """Gatys's style transfer: gradient steps on the pixels of an image, cut off at -1 and 1.

    Each layer's style has the same weight, 1 over their number (section 2.2).

    Args:
      look: images [1, H, W, C] in [-1, 1] to maps by layer, such as ``extractors.maps.apply`` with
        its first arguments given.
      content: the image whose content it is to have, [1, H, W, C] in [-1, 1].
      style: the one whose style, of any size.
      content_layers: of what ``look`` gives.
      style_layers: likewise.
      content_weight: alpha of eq. 7.
      style_weight: beta.
      variation: weight of the total variation beside them; the paper has none.
      steps: of Adam.
      learning_rate: of it.
      start: where it begins, [1, H, W, C]; ``None``: with the content.

    Raises:
      ValueError: for a layer that ``look`` does not give, or fewer than one step.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, not {steps}")
    at_content, at_style = look(content), look(style)
    for name in (*content_layers, *style_layers):
        if name not in at_content:
            raise ValueError(f"there is no layer {name!r} of {', '.join(at_content)}")
    wanted = {name: at_content[name] for name in content_layers}
    grams = {name: losses.gram(at_style[name]) for name in style_layers}
    share = [1 / (4 * max(len(grams), 1))] * len(grams)
    optimizer = optax.adam(learning_rate)

    def objective(image: jax.Array, wanted: PyTree, grams: PyTree) -> jax.Array:
        seen = look(image)
        kept = losses.content({name: seen[name] for name in wanted}, wanted)
        found = {name: losses.gram(seen[name]) for name in grams}
        value = content_weight * kept + style_weight * losses.style(found, grams, weights=share)
        return value + variation * losses.total_variation(image)

    def step(told: PyTree, carry: PyTree, _: Any) -> tuple[PyTree, jax.Array]:
        image, state = carry
        value, gradient = jax.value_and_grad(objective)(image, *told)
        change, state = optimizer.update(gradient, state, image)
        return (jnp.clip(image + change, -1, 1), state), value

    @partial(jax.jit, static_argnums=2)
    def run(carry: PyTree, told: PyTree, count: int) -> tuple[PyTree, jax.Array]:
        return jax.lax.scan(partial(step, told), carry, None, count)

    image = jnp.asarray(content if start is None else start, jnp.float32)
    carry, values = (image, optimizer.init(image)), list[jax.Array]()
    for done in range(0, steps, CHUNK):
        carry, value = run(carry, (wanted, grams), min(CHUNK, steps - done))
        values.append(value)
    return Transferred(carry[0], jnp.concatenate(values))
