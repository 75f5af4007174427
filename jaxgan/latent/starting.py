"""Where searches for latents begin: at random samples that are near, at an encoder's, at a mean."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.latent.generator import Generator
from jaxgan.run import sampling

PyTree = Any
# The names of a latent that is one array, and of styles.
ALONE, STYLE = "z", "w"


@dataclasses.dataclass(frozen=True)
class Space:
    """Where is looked: the generator's latents, or its styles with their noise maps.

    Attributes:
      generator: whose.
      styled: whether it is that of styles.
    """

    generator: Generator
    styled: bool

    def __post_init__(self) -> None:
        """Draws what ``whole`` is to look like, which cannot be done within a trace."""
        _ = self.generator.example

    def parts(self, latents: PyTree) -> dict[str, Any]:
        """The arrays of latents by their names."""
        flat = jax.tree_util.tree_leaves_with_path(latents)
        return {"/".join(str(key.key) for key in path) or ALONE: x for path, x in flat}

    def whole(self, parts: dict[str, Any]) -> PyTree:
        """Latents of their ``parts``."""
        due = self.generator.example
        return jax.tree.unflatten(jax.tree.structure(due), [parts[n] for n in self.parts(due)])

    def paint(self, weights: PyTree, latents: PyTree, maps: PyTree, rest: PyTree) -> jax.Array:
        """Images [B, H, W, C] of what moves, noise maps, and what does not move."""
        if self.styled:
            styled = self.generator.styled
            assert styled is not None
            styles = jnp.repeat(latents[STYLE][:, None], styled.layers, axis=1)
            return styled.synthesize(weights, styles, maps)
        whole = self.whole({**latents, **rest["latents"]})
        return self.generator.apply(weights, whole, rest.get("labels"), jnp.float32(1))

    def maps(self) -> PyTree:
        """The generator's own noise maps, a tree of [1, h, w, 1]; empty for latents."""
        if not self.styled:
            return {}
        styled = self.generator.styled
        assert styled is not None
        return styled.noise(self.generator.variables)


@dataclasses.dataclass(frozen=True)
class Candidates:
    """Random samples.

    Attributes:
      latents: what moves in a search, by name: [count, ...].
      rest: what does not: ``'latents'`` that are whole numbers, and ``'labels'``.
      squares: [n, count], their mean squared distances from n images; infinite where their label is
        not the image's.
    """

    latents: dict[str, np.ndarray]
    rest: dict[str, Any]
    squares: np.ndarray

    @property
    def nearest(self) -> np.ndarray:
        """The PSNR [n] in dB of the nearest of them."""
        return 10 * np.log10(4 / np.maximum(self.squares.min(axis=1), 1e-12))

    def at(self, places: np.ndarray) -> tuple[PyTree, PyTree]:
        """What moves and what does not, of some of them."""
        return jax.tree.map(lambda x: x[places], (self.latents, self.rest))


def draw(
    space: Space,
    targets: np.ndarray,
    labels: np.ndarray | None,
    key: jax.Array,
    count: int,
    each: int,
    chunk: int,
) -> Candidates:
    """Candidates for images [n, H, W, C] in [-1, 1].

    Args:
      space: where is looked.
      targets: the images.
      labels: theirs [n]; ``None``: every label is tried.
      key: of the draws.
      count: of candidates, at least.
      each: of the candidates of a label that is given, at least.
      chunk: samples at a time.
    """
    g = space.generator
    tried = np.arange(g.num_classes) if labels is None else np.unique(labels)
    told: dict[str, np.ndarray] = {}
    if len(tried):
        rounds = -(-count // len(tried))
        count = len(tried) * (rounds if labels is None else max(rounds, each))
        told = {"labels": np.resize(tried, count).astype(np.int32)}
    latents = g.draw(key, count)
    flat, maps = targets.reshape(len(targets), -1), space.maps()

    @jax.jit
    def look(weights: PyTree, flat: jax.Array, latents: PyTree, told: PyTree) -> Any:
        if space.styled:
            assert g.styled is not None
            moving, still = {STYLE: g.styled.map(weights, latents, **told)}, {}
            images = space.paint(weights, moving, maps, {})
        else:
            parts = space.parts(latents)
            moving = {name: x for name, x in parts.items() if jnp.issubdtype(x, jnp.floating)}
            still = {name: x for name, x in parts.items() if name not in moving}
            images = space.paint(weights, moving, maps, {"latents": still, **told})
        x = jnp.clip(images, -1, 1).reshape(len(images), -1)
        products = jnp.matmul(x, flat.T, precision="highest")
        squares = jnp.square(x).sum(1)[:, None] - 2 * products + jnp.square(flat).sum(1)
        return moving, still, jnp.maximum(squares, 0) / flat.shape[1]

    def make(rows: np.ndarray) -> Any:
        return look(g.variables, flat, *jax.tree.map(lambda x: x[rows], (latents, told)))

    moving, still, squares = sampling.in_chunks(make, count, chunk)
    squares = squares.T
    if labels is not None:
        squares = np.where(told["labels"] == labels[:, None], squares, np.inf)
    rest = {} if space.styled else {"latents": still, **told}
    return Candidates(moving, rest, squares)


def starts(
    space: Space, drawn: Candidates, targets: np.ndarray, restarts: int, chunk: int
) -> tuple[PyTree, PyTree]:
    """Where searches begin, [n restarts, ...]: what moves, and what does not.

    At the nearest candidates. The first search of each image begins at what the encoder says, or at
    the mean style of the candidates that have its label.
    """
    order = np.argsort(drawn.squares, axis=1, kind="stable")[:, :restarts]
    moving, rest = drawn.at(order.ravel())
    firsts = np.arange(len(targets)) * restarts
    g = space.generator
    if space.styled:
        of_label = np.isfinite(drawn.squares).astype(np.float32)
        moving[STYLE][firsts] = (of_label @ drawn.latents[STYLE]) / of_label.sum(1)[:, None]
    elif g.encode is not None:
        encode = jax.jit(g.encode)
        found = sampling.in_chunks(
            lambda rows: encode(g.variables, targets[rows]), len(targets), chunk
        )
        for name, x in space.parts(found).items():
            (moving if name in moving else rest["latents"])[name][firsts] = x
    return moving, rest
