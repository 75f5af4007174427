"""How samples are drawn, for whoever asks: the one sampler, and a state as it is evaluated."""

import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np

from jaxgan import evaluation
from jaxgan.base import errors, terminal
from jaxgan.base.method import TRANSLATED
from jaxgan.base.state import State
from jaxgan.evaluation.metrics import likelihood
from jaxgan.run import program
from jaxgan.run.compiled import Compiled
from jaxgan.run.program import Program

PyTree = Any
CHUNK, DECODED = 250, 64


def draw(ready: Program, state: State, key: jax.Array, n: int, **settings: Any) -> np.ndarray:
    """Draws n samples: every sample comes from here. The rest is as in ``generate``."""
    return generate(ready, state, latents(ready, key, n), **settings)


def latents(ready: Program, key: jax.Array, n: int) -> PyTree:
    """The latents of n samples, on the host."""
    # Of the first phase: all have the same, and so what was drawn of one can be given to another.
    return jax.device_get(ready.at(0).latents(jax.random.fold_in(key, 0), n))


def generate(
    ready: Program,
    state: State,
    latents: PyTree,
    *,
    chunk: int | None = None,
    averaged: bool | None = None,
    **conditions: Any,
) -> np.ndarray:
    """Samples of latents in chunks of at most ``chunk``, so that any number fits.

    They are images also where what is trained on are an autoencoder's latents: decoded, and cut off
    at -1 and 1.

    A sample depends on its own latents and conditions, so that chunks change nothing. Labels that
    are not given are each class in turn, and one label is that of all. Any other condition that is
    a single value is handed on as one. The weights are those that the config asks for, unless
    ``averaged`` says which.
    """
    n, now = len(jax.tree.leaves(latents)[0]), ready.at(int(state.step))
    if "labels" in now.method.conditions:
        given = conditions.get("labels")
        labels = np.arange(n) % ready.spec.num_classes if given is None else given
        conditions["labels"] = np.broadcast_to(np.asarray(labels, np.int32), n)
    each = {name: value for name, value in conditions.items() if np.ndim(value)}
    whole = {name: value for name, value in conditions.items() if name not in each}
    weights = ready.config.evaluation.averaged if averaged is None else averaged

    def make(rows: np.ndarray) -> Any:
        part, told = jax.tree.map(lambda x: np.asarray(x)[rows], (latents, each))
        return now.generate(state, part, averaged=weights, **told, **whole)

    samples = in_chunks(make, n, chunk or CHUNK)
    if ready.autoencoder is None:
        return samples
    # Fewer at a time: an image takes a decoder more memory than a latent takes a generator.
    return in_chunks(lambda rows: now.decode(samples[rows]), n, min(chunk or CHUNK, DECODED))


def of_classes(
    make: Callable[[PyTree, np.ndarray], np.ndarray], latents: PyTree, labels: np.ndarray
) -> np.ndarray:
    """Samples [K, n, *shape] of the same n latents, a row for each of K labels.

    Args:
      make: ``(latents, labels) -> samples`` of as many of both.
      latents: of n samples.
      labels: int32 [K].
    """
    n = len(jax.tree.leaves(latents)[0])
    index = np.tile(np.arange(n), len(labels))
    again = jax.tree.map(lambda x: np.asarray(x)[index], latents)
    samples = make(again, np.repeat(labels, n))
    return samples.reshape(len(labels), n, *samples.shape[1:])


def encode(
    ready: Program,
    state: State,
    images: np.ndarray,
    *,
    chunk: int | None = None,
    averaged: bool | None = None,
) -> PyTree:
    """The latents of images [n, ...] in [-1, 1], of a method with an encoder; see ``generate``."""
    now = ready.at(int(state.step))
    assert now.encode is not None
    encoder = now.encode
    weights = ready.config.evaluation.averaged if averaged is None else averaged

    def make(rows: np.ndarray) -> Any:
        return encoder(state, images[rows], averaged=weights)

    return in_chunks(make, len(images), chunk or CHUNK)


def reconstruct(
    ready: Program, state: State, images: np.ndarray, *, chunk: int | None = None, **conditions: Any
) -> np.ndarray:
    """Images [n, ...] in [-1, 1] generated again from their latents, see ``encode``."""
    latents = encode(ready, state, images, chunk=chunk)
    return generate(ready, state, latents, chunk=chunk, **conditions)


def anomaly(
    ready: Program, state: State, images: np.ndarray, *, samples: int = 50, seed: int = 0
) -> np.ndarray:
    """Anomaly scores float64 [n] of images [n, ...] in [-1, 1], see ``trained.Model.anomaly``.

    Raises:
      UserError: if the method can score none.
    """
    now = ready.at(int(state.step))
    if not scores_anomalies(now):
        raise errors.UserError(
            f"method {ready.config.method.name!r} has no likelihood, and no encoder to make images "
            f"again by: it cannot tell anomalies"
        )
    if now.log_weight is not None:
        weigh, key = jax.tree_util.Partial(now.log_weight, state), jax.random.key(seed)
        # The same for an image wherever it stands, and whatever stands beside it.
        seeds = np.array([zlib.crc32(x.tobytes()) for x in images], np.uint32)
        return -likelihood.of_each(weigh, images, key, samples=samples, seeds=seeds)[1]
    again = np.asarray(reconstruct(ready, state, images), np.float64)
    square = np.square(again - images)
    return square.reshape(len(images), -1).mean(axis=1)


def scores_anomalies(now: Compiled) -> bool:
    """Whether a method has a likelihood, or makes images again of nothing but their latents."""
    return now.log_weight is not None or (now.encode is not None and not now.method.conditions)


def in_chunks(make: Callable[[np.ndarray], Any], n: int, chunk: int) -> Any:
    """What ``make`` gives for the rows 0 to n - 1, at most ``chunk`` of them at a time."""
    chunk = min(n, chunk)
    parts = []
    quiet, starts = n == chunk or jax.process_index() > 0, range(0, n, chunk)
    for start in terminal.progress(quiet=quiet, iterable=starts, desc="samples", leave=False):
        # A whole chunk also at the end, where the first rows are enough: one compilation.
        parts.append(jax.device_get(make(np.arange(start, start + chunk).clip(max=n - 1))))
    return jax.tree.map(lambda *chunks: np.concatenate(chunks)[:n], *parts)


def subject(ready: Program, state: State) -> evaluation.Subject:
    """A state of a run as it is evaluated: its weights and statistics as the config says.

    Raises:
      UserError: if statistics are to be renewed that the method has not.
    """
    state, statistics = recalibrate(ready, state)
    now = ready.at(int(state.step))
    kept = any(net.ema is not None for net in state.nets.values())
    settings = ready.config.evaluation
    scores = now.scores and partial(now.scores, state)
    log_weight = now.log_weight and jax.tree_util.Partial(now.log_weight, state)
    chunk, again = settings.batch_size, now.encode and not now.method.conditions
    return evaluation.Subject(
        draw=partial(draw, ready, state, chunk=chunk),
        translates=TRANSLATED in now.method.conditions,
        weights="averaged" if kept and settings.averaged else "raw",
        statistics=statistics,
        conditional="labels" in now.method.conditions,
        scores=scores,
        log_weight=log_weight,
        anomaly=partial(anomaly, ready, state) if scores_anomalies(now) else None,
        classify=now.classify and partial(now.classify, state),
        reconstruct=partial(reconstruct, ready, state, chunk=chunk) if again else None,
    )


def recalibrate(ready: Program, state: State) -> tuple[State, str]:
    """The state with its batch statistics renewed, if the config says so, and what to call them.

    Raises:
      UserError: if the method cannot renew them.
    """
    settings = ready.config.evaluation
    if not settings.recalibrate:
        return state, "as trained"
    method = ready.at(int(state.step)).method
    if method.recalibrate is None:
        name = ready.config.method.name
        raise errors.UserError(
            f"config.evaluation.recalibrate: method {name!r} has no batch statistics to renew"
        )
    n, batches = settings.batch_size, settings.recalibrate
    renewed = partial(method.recalibrate, n=n, batches=batches, averaged=settings.averaged)
    renew = jax.jit(
        ready.devices.inside(renewed),
        out_shardings=ready.carried["state"],
    )
    key = ready.purpose_key(program.RECALIBRATE)
    return renew(state, key), f"renewed over {batches} batches of {n}"
