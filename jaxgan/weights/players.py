"""The networks of a published file at work: what they make and say, and whether they are whole."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import networks
from jaxgan.base.method import Styled
from jaxgan.weights import biggan_deep
from jaxgan.weights.fitting import Fitted

PyTree = Any


def takes(fitted: Fitted) -> tuple[str, ...]:
    """Which of truncation, cutoff, noise and guidance mean something to the generator."""
    if fitted.network == "stylegan2":
        return ("truncation", "cutoff", "noise")
    if fitted.network == "gat":
        return ("truncation", "guidance") if fitted.num_classes else ("truncation",)
    return ("truncation",) if is_bounded(fitted) else ()


def is_bounded(fitted: Fitted) -> bool:
    """Whether its truncation is one of those that statistics were measured at, in (0, 1]."""
    return biggan_deep.TRUNCATED in fitted.g


def generator(fitted: Fitted) -> Callable[..., Any]:
    """``(g, z, labels, truncation, cutoff, noise, guidance=None) -> images`` [B, H, W, C].

    ``labels`` are int32 [B] or ``None``; ``noise`` is a key for each sample, ``'const'`` or
    ``'none'``; no ``guidance`` costs less than one of 1.
    """
    module = _module("generator", fitted.network, fitted.generator)

    def generate(
        g: PyTree,
        z: Any,
        labels: Any,
        truncation: Any,
        cutoff: Any,
        noise: Any,
        guidance: Any = None,
    ) -> Any:
        if fitted.network == "stylegan2":
            more = (noise, None, None, truncation, cutoff)
            return module.apply(g, z, labels, *more, train=False)
        if fitted.network == "gat":
            return module.apply(g, z, labels, truncation, guidance, train=False)
        if biggan_deep.TRUNCATED in g:
            g, z = biggan_deep.at_truncation(g, truncation), z * truncation
        return module.apply(g, z, *_told(labels), train=False)

    return generate


def styled(fitted: Fitted) -> Styled | None:
    """The generator in two parts, its variables the state; ``None`` without a space of styles."""
    if fitted.network != "stylegan2":
        return None
    module = _module("generator", fitted.network, fitted.generator)

    def style(g: PyTree, latents: Any, *, averaged: bool = True, labels: Any = None) -> Any:
        return module.apply(g, latents, labels, train=False, method="map")

    def noise(g: PyTree, *, averaged: bool = True) -> PyTree:
        return g["noise"]

    def synthesize(g: PyTree, styles: Any, maps: PyTree, *, averaged: bool = True) -> Any:
        return module.apply({**g, "noise": maps}, styles, method="synthesize")

    return Styled(module.layers, style, noise, synthesize)


def discriminator(fitted: Fitted) -> Callable[..., Any] | None:
    """``(d, images, labels) -> logits`` [B], or ``None`` if there is no discriminator."""
    if fitted.discriminator is None:
        return None
    module = _module("discriminator", fitted.network, fitted.discriminator)
    # ProGAN's guesses labels, and is told of none.
    conditional = fitted.discriminator.get("num_classes")

    def discriminate(d: PyTree, images: Any, labels: Any) -> Any:
        told = _told(labels) if conditional else ()
        # Of several stages a sample is all, here without their noise.
        seen = jnp.concatenate([images] * stages_of(fitted), axis=-1)
        return module.apply(d, seen, *told, train=False).logits

    return discriminate


def stages_of(fitted: Fitted) -> int:
    """How many images of a sample its discriminator is shown together."""
    return fitted.generator["stages"] if fitted.network == "gat" else 1


def check(fitted: Fitted, role: str, published: Sequence[Mapping[str, np.ndarray]]) -> None:
    """Compares every variable of a network with what it would begin with.

    Args:
      fitted: the networks.
      role: ``'generator'``, or ``'discriminator'``, if there is one.
      published: the tensors that they were made of, to be named by.

    Raises:
      ValueError: naming the first variable that is missing, too many or of another shape.
    """
    *sides, channels = fitted.shape
    seen = (*sides, stages_of(fitted) * channels)
    fields, variables, first = {
        "generator": (fitted.generator, fitted.g, (fitted.latent_dim,)),
        "discriminator": (fitted.discriminator, fitted.d, seen),
    }[role]
    if fields is None:
        return
    labels = jnp.zeros((1,), jnp.int32) if fields.get("num_classes") else None
    inputs = jnp.zeros((1, *first)), *_told(labels)
    module = _module(role, fitted.network, fields)
    start = jax.eval_shape(
        lambda key, *given: module.init(key, *given, train=False), jax.random.key(0), *inputs
    )
    due, found = dict(leaves(start)), dict(leaves(variables))
    for path, value in found.items():
        if path.startswith(f"{biggan_deep.TRUNCATED}/"):  # statistics that no network begins with
            continue
        name = f"{_origin(value, published)}{path} of the {role}"
        if path not in due:
            raise ValueError(f"{name} {list(np.shape(value))} is of no use to this network")
        if np.shape(value) != due[path].shape:
            raise ValueError(
                f"{name} is {list(np.shape(value))}, and {list(due[path].shape)} is due here"
            )
    if lacking := next((path for path in due if path not in found), None):
        raise ValueError(f"there is nothing for {lacking} {list(due[lacking].shape)} of the {role}")


def leaves(tree: PyTree, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The arrays of a tree of dicts, each by its path, such as ``'params/Conv_0/kernel'``."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{name}/")
        else:
            yield prefix + name, value


def _origin(value: Any, published: Sequence[Mapping[str, np.ndarray]]) -> str:
    """The published name of a variable that still is the file's own memory, or ''."""
    if not isinstance(value, np.ndarray):
        return ""
    for tensors in published:
        for key, tensor in tensors.items():
            if np.may_share_memory(value, tensor):
                return f"{key!r} as "
    return ""


def _module(role: str, network: str, fields: Mapping[str, Any]) -> Any:
    return networks.find_class(role, network)(**fields)


def _told(labels: Any) -> tuple[Any, ...]:
    """The labels, if there are any."""
    return () if labels is None else (labels,)
