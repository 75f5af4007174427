"""What is drawn of a run where it pauses: samples, by class too, translations, what is encoded."""

import dataclasses
from typing import Any

import jax
import numpy as np
from PIL import Image

from jaxgan import data
from jaxgan.base.method import TRANSLATED
from jaxgan.base.state import State
from jaxgan.data.labels import read_labels
from jaxgan.run import program, sampling
from jaxgan.run.program import Program
from jaxgan.watch import landscape, pictures
from jaxgan.watch.scatter import scatter
from jaxgan.watch.sheet import sheet

# Of the pictures, each ``NAME_STEP.png``.
GRID, RECONSTRUCTIONS, LATENTS, MANIFOLD = "step", "reconstructions", "latents", "manifold"
CLASSES = "classes"
# Images whose latents are scattered at most, and values on a side of the grid of latents.
SCATTERED, SIDE = 10_000, 20
# Real points beneath generated ones: enough that every mode of a toy has some.
REAL = 500
# Of the sheet of classes, at most.
ROWS, COLUMNS = 20, 8
CHUNK = 1000


@dataclasses.dataclass(frozen=True)
class Shown:
    """What is drawn of the data: images of the test split, evenly from all over it, or points.

    Attributes:
      rows: in [-1, 1], to be translated, or encoded and made again; ``None`` for a method that does
        neither.
      coded: as they are stored, those whose latents are scattered; ``None`` where latents are no
        points in the plane.
      labels: of these, or ``None``.
      points: real ones [n, 2] of the training data, or ``None`` where samples are images.
    """

    rows: data.Batch | None = None
    coded: np.ndarray | None = None
    labels: np.ndarray | None = None
    points: np.ndarray | None = None


def choose(ready: Program, splits: data.Splits) -> Shown:
    """What is drawn of the data; of images none that was trained on if there are others.

    Classes that are left out of the data are among them: an encoder never saw these.

    Raises:
      UserError: if the data have no test split, and the method would be shown it.
    """
    config, method = ready.config, ready.method
    if not config.sample.every:
        return Shown()
    if len(ready.spec.shape) != 3:
        return Shown(points=real_points(splits.source()))
    encodes = method.encode is not None
    if not (encodes or TRANSLATED in method.conditions):
        return Shown()
    source = splits.complete.source(config.data.test_split)
    apart = data.apart(source, splits.source())
    unseen = np.flatnonzero(apart if apart.any() else ~apart)

    def spread(most: int) -> np.ndarray:
        n = min(most, len(unseen))
        return unseen[np.linspace(0, len(unseen), n, endpoint=False).astype(np.int64)]

    rows = data.to_float(source.read(spread(config.sample.n)))
    if not encodes or not in_plane(ready):
        return Shown(rows)
    chosen = spread(SCATTERED)
    chunks = [chosen[i : i + CHUNK] for i in range(0, len(chosen), CHUNK)]
    coded = np.concatenate([source.read(chunk)["image"] for chunk in chunks])
    return Shown(rows, coded, read_labels(source, chosen) if source.num_classes else None)


def real_points(source: data.Source) -> np.ndarray:
    """Points of a source, the same every time; at random, as modes may come in turn."""
    rows = np.random.Generator(np.random.Philox(0)).permutation(source.size)[:REAL]
    return np.asarray(source.read(rows)["image"])


def in_plane(ready: Program) -> bool:
    """Whether an image's latents are two numbers."""
    assert ready.method.encode is not None
    image = jax.ShapeDtypeStruct((1, *ready.spec.shape), np.float32)
    found = jax.eval_shape(ready.method.encode, ready.shapes["state"], image)
    return getattr(found, "shape", ()) == (1, 2)


def draw(ready: Program, state: State, shown: Shown) -> dict[str, Image.Image]:
    """The pictures of a state, by name: ``GRID`` is of the same latents every time."""
    key, n = ready.purpose_key(program.SAMPLE), ready.config.sample.n
    if TRANSLATED in ready.method.conditions and shown.rows is not None:
        given = shown.rows["image"]
        made = sampling.draw(ready, state, key, len(given), image=given)
        true = shown.rows.get("target") if "target" in ready.method.entries else None
        sides = (given, made, true)
        return {GRID: pictures.picture(beside(*sides))}
    latents = sampling.latents(ready, key, n)
    samples = sampling.generate(ready, state, latents)
    if shown.points is not None:
        return {GRID: landscape.landscape(shown.points, samples, judged(ready, state))}
    found = {GRID: pictures.grid(samples)}
    if "labels" in ready.method.conditions:
        found[CLASSES] = by_class(ready, state, latents)
    if shown.rows is not None:
        found[RECONSTRUCTIONS] = pictures.grid(reconstructed(ready, state, shown.rows))
    if shown.coded is not None:
        found |= plane(ready, state, shown)
    return found


def judged(ready: Program, state: State) -> np.ndarray | None:
    """D's logits at ``landscape.places``, by the weights that it is evaluated with: its own.

    ``None`` where there is no D, or it judges packs. Of m copies of a point it has learned one
    thing, that real points are never so alike, and that says nothing of the place. Where it is told
    labels it is the highest logit under any.
    """
    scores = ready.at(int(state.step)).scores
    packed = ready.config.method.get("techniques", {}).get("pack", 1) > 1
    if scores is None or packed:
        return None
    places = landscape.places()
    return sampling.in_chunks(lambda rows: scores(state, places[rows]), len(places), CHUNK)


def by_class(ready: Program, state: State, latents: Any) -> Image.Image:
    """A row for each class, with its name, of the first of the latents: the same in each row.

    Of more than ``ROWS`` classes so many, evenly, with the first and the last.
    """
    n, labels = len(jax.tree.leaves(latents)[0]), shown_classes(ready.spec.num_classes)
    # As many samples as the grid has at least, though not all are shown: made in chunks as large as
    # the grid's, they need no compilation of their own.
    columns = min(n, max(COLUMNS, -(-n // len(labels))))
    first = jax.tree.map(lambda x: x[:columns], latents)

    def make(latents: Any, labels: np.ndarray) -> np.ndarray:
        chunk = min(n, sampling.CHUNK)
        return sampling.generate(ready, state, latents, chunk=chunk, labels=labels)

    samples = sampling.of_classes(make, first, labels)[:, :COLUMNS]
    return sheet(samples, [ready.spec.called[label] for label in labels])


def shown_classes(count: int) -> np.ndarray:
    """The labels of at most ``ROWS`` of the classes, int32 and evenly spaced."""
    return np.linspace(0, count - 1, min(count, ROWS)).round().astype(np.int32)


def reconstructed(ready: Program, state: State, rows: data.Batch) -> np.ndarray:
    """Images, each beside what is made again of its latents: [n, H, 2 W, C] in [-1, 1]."""
    told: dict[str, Any] = {}
    if "labels" in ready.method.conditions:
        told["labels"] = rows["label"]
    return beside(rows["image"], sampling.reconstruct(ready, state, rows["image"], **told))


def beside(*sides: np.ndarray | None) -> np.ndarray:
    """See ``pictures.beside``; those that are ``None`` are left out."""
    return pictures.beside([side for side in sides if side is not None])


def plane(ready: Program, state: State, shown: Shown) -> dict[str, Image.Image]:
    """The scatter of the images' latents, and the samples of a grid of latents."""
    assert shown.coded is not None
    chunks = np.split(shown.coded, range(CHUNK, len(shown.coded), CHUNK))
    rows = (data.to_float({"image": chunk})["image"] for chunk in chunks)
    codes = np.concatenate([sampling.encode(ready, state, chunk) for chunk in rows])
    found = {LATENTS: scatter(codes, shown.labels, ready.spec.called)}
    if not ready.method.conditions:
        samples = sampling.generate(ready, state, lattice(SIDE))
        found[MANIFOLD] = pictures.grid(samples)
    return found


def lattice(side: int) -> np.ndarray:
    """Latents float32 [side^2, 2] that cut N(0, I) into parts of equal probability.

    The inverse Gaussian CDF of evenly spaced values, row by row from above: the first latent grows
    to the right, the second one upwards. Kingma and Welling 2014, "Auto-Encoding Variational Bayes"
    (arXiv:1312.6114), appendix A.
    """
    values = np.asarray(jax.scipy.special.ndtri((np.arange(side) + 0.5) / side))
    first, second = np.meshgrid(values, values[::-1])
    return np.stack([first, second], axis=-1).reshape(-1, 2).astype(np.float32)
