"""What a method's functions must return, looked at by their shapes before anything is written."""

import dataclasses
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxgan import data, evaluation
from jaxgan.base.errors import UserError, unknown
from jaxgan.base.method import TRANSLATED, Method
from jaxgan.base.parallel import Devices
from jaxgan.base.state import Metrics, State
from jaxgan.run import alike

PyTree = Any
_SAMPLES = 2


def traced_once(method: Method) -> Method:
    """The same functions; ``init`` and ``step`` are traced once for arguments of one shape.

    So what is checked here is not traced again where it is compiled. What a step returns is checked
    before JAX looks at it.
    """
    phases: dict[Hashable, Method] = {}

    def step(*arguments: Any) -> Any:
        out = method.step(*arguments)
        if not (isinstance(out, tuple | list) and len(out) == 2 and _is_state(out[0])):
            raise TypeError(f"step must return (State, metrics), and returned {_called(out)}")
        if not isinstance(out[1], Mapping):
            raise TypeError(f"the metrics must be a mapping, and are {_called(out[1])}")
        return out

    def at(step: int) -> tuple[Hashable, Method]:
        phase, now = method.phase(step)
        if phase not in phases:
            phases[phase] = traced_once(dataclasses.replace(now, at=None))
        return phase, phases[phase]

    return dataclasses.replace(
        method,
        init=jax.jit(method.init, inline=True),
        step=jax.jit(step, inline=True),
        at=method.at and at,
    )


def check_state(state: Any) -> None:
    """Refuses what has not the fields of a ``State``.

    Raises:
      TypeError: naming what it is.
    """
    if not _is_state(state):
        raise TypeError(f"init must return a State, and returned {_called(state)}")
    if jnp.shape(state.step):
        raise TypeError(f"State.step must be a scalar, and has the shape {jnp.shape(state.step)}")


def trace(method: Method, steps: int, state: State, batch: PyTree, key: jax.Array) -> Metrics:
    """The shapes of a step's metrics; each phase of so many steps is traced.

    Raises:
      Exception: whatever a step is refused with.
      TypeError: if it returns something else than a state and metrics, or changes the shape of the
        state, or a phase reads or logs something else.
    """
    shape = lambda tree: jax.tree.map(lambda x: (x.shape, str(x.dtype)), tree)  # noqa: E731
    batch_of = lambda method: (method.entries, method.apart, method.minibatches)  # noqa: E731
    found: Metrics = {}
    for now in method.phases(steps):
        if batch_of(now) != batch_of(method):
            raise TypeError("every phase must read the same entries, and as many of them")
        new, metrics = trace_step(now, state, batch, key)
        if shape(new) != shape(state):
            raise TypeError(
                "a step must keep the tree, the shapes and the dtypes of its state"
                f"{difference(state, new)}"
            )
        if found and shape(metrics) != shape(found):
            raise TypeError(f"every phase must log {sorted(found)}, and one has {sorted(metrics)}")
        found = metrics
    return found


def trace_step(
    method: Method, state: State, batch: PyTree, key: jax.Array
) -> tuple[State, Metrics]:
    """The shapes of what a step returns.

    Raises:
      TypeError: if the step does not count, or the metrics are not scalars named by network.
    """
    traced = jax.jit(method.step).trace(state, batch, key)
    new, metrics = traced.out_info
    given, returned = (_places(tree)[0].step for tree in ((state, batch, key), traced.out_info))
    if _passed_on(traced.jaxpr, returned) == given:
        raise TypeError("a step must count: it returned the step of the state that it was given")
    for name, value in metrics.items():
        if name.partition("/")[0] not in state.nets or "/" not in name:
            raise TypeError(
                f"metric {name!r} must be named {{network}}/{{quantity}}, with one of the state's "
                f"networks: {', '.join(state.nets)}"
            )
        if getattr(value, "shape", None) != ():
            told = f"{_called(value)} {getattr(value, 'shape', '')}".strip()
            raise TypeError(f"metric {name!r} must be a scalar, and is {told}")
    return new, metrics


def _passed_on(program: Any, place: int) -> int | None:
    """Which of a traced program's inputs is its output of that place, if it is one unchanged."""
    jaxpr = getattr(program, "jaxpr", program)  # JAX 0.12 has no closed ones
    variable = jaxpr.outvars[place]
    for call in reversed(jaxpr.eqns):
        if call.primitive.name in ("jit", "pjit") and variable in call.outvars:
            inner = _passed_on(call.params["jaxpr"], call.outvars.index(variable))
            if inner is None:
                return None
            variable = call.invars[inner]
    return next((i for i, given in enumerate(jaxpr.invars) if given is variable), None)


def _places(tree: PyTree) -> Any:
    """The tree, with the place of each leaf among them all."""
    leaves, structure = jax.tree.flatten(tree)
    return jax.tree.unflatten(structure, range(len(leaves)))


def difference(old: PyTree, new: PyTree) -> str:
    """Where two trees differ: the first leaf that one has not, or has otherwise."""
    leaves = [
        {jax.tree_util.keystr(path): (x.shape, str(x.dtype)) for path, x in flat}
        for flat in (jax.tree_util.tree_leaves_with_path(tree) for tree in (old, new))
    ]
    for name in sorted({*leaves[0], *leaves[1]}):
        before, after = (each.get(name) for each in leaves)
        if before != after:
            told = ["absent" if x is None else f"{x[1]} {x[0]}" for x in (before, after)]
            return f": {name} was {told[0]} and is {told[1]}"
    return ""


def check_share(
    mapped: Method, devices: Devices, state: State, batch: PyTree, key: jax.Array
) -> None:
    """Traces the step on one device's share, which may not divide as the whole batch does.

    Raises:
      Exception: whatever the method refuses the share with.
    """
    size = devices.mesh.size
    shares = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct((size, x.shape[0] // size, *x.shape[1:]), x.dtype), batch
    )
    step = jax.vmap(mapped.step, (None, 0, None), axis_name=devices.axis_name)
    jax.eval_shape(step, state, shares, key)


def check_arms(
    arms: Sequence[Method], steps: int, state: State, batch: PyTree, key: jax.Array
) -> None:
    """Refuses arms that differ in more than numbers.

    Raises:
      UserError: saying what it is.
    """
    which = jax.ShapeDtypeStruct((), np.int32)
    changes = arms[0].changes(steps)
    try:
        if any(arm.changes(steps) != changes for arm in arms):
            raise alike.DifferentError("their phases begin at other steps")
        jax.eval_shape(alike.merge([arm.init for arm in arms]), which, key, batch)
        for step in changes:
            now = [arm.phase(step)[1].step for arm in arms]
            jax.eval_shape(alike.merge(now), which, state, batch, key)
    except alike.DifferentError as error:
        raise UserError(
            f"config.arms differ in more than numbers ({error}): train them apart"
        ) from error


def check_samples(
    method: Method,
    steps: int,
    state: State,
    key: jax.Array,
    spec: data.Spec,
    *,
    averaged: bool,
) -> None:
    """Traces what draws samples, in each phase of so many steps.

    Conditions beside labels and images are whatever the method says, so those methods are left
    alone. What is made of an image is of the shape of the targets, where the method reads these.

    Raises:
      Exception: whatever ``latents`` or ``generate`` is refused with.
      TypeError: if either does not give a row for each sample, or one of another shape than the
        data's.
    """
    for now in method.phases(steps):
        if set(now.conditions) - {"labels", TRANSLATED}:
            continue
        towards = TRANSLATED in now.conditions and "target" in now.entries
        shape = spec.target if towards else spec.shape
        latents = jax.eval_shape(lambda key, now=now: now.latents(key, _SAMPLES), key)
        for leaf in jax.tree.leaves(latents):
            if leaf.shape[:1] != (_SAMPLES,):
                raise TypeError(
                    f"latents(key, n) must have a row for each sample, and n={_SAMPLES} gave the "
                    f"shape {leaf.shape}"
                )
        rows = {
            "labels": jax.ShapeDtypeStruct((_SAMPLES,), jnp.int32),
            TRANSLATED: jax.ShapeDtypeStruct((_SAMPLES, *spec.shape), jnp.float32),
        }
        told = {name: rows[name] for name in now.conditions}

        def generate(state: State, latents: PyTree, told: PyTree, now: Method = now) -> Any:
            return now.generate(state, latents, averaged=averaged, **told)

        samples = jax.eval_shape(generate, state, latents, told)
        if getattr(samples, "shape", ()) != (_SAMPLES, *shape):
            told_of = f"{_called(samples)} {getattr(samples, 'shape', '')}".strip()
            raise TypeError(
                f"generate must return an array with a row of the shape {tuple(shape)} for each "
                f"sample; for n={_SAMPLES} it returned {told_of}"
            )


def check_metrics(config: ConfigDict, spec: data.Spec, method: Method, logged: list[str]) -> None:
    """Refuses a metric that nothing logs.

    Raises:
      UserError: naming the nearest one.
    """
    evaluated = evaluation.logged(config, spec, method.conditions)
    if config.evaluation.every:
        logged = [*logged, *evaluated]
    for where, name in (
        ("early_stopping.metric", config.early_stopping.metric),
        ("reduce_on_plateau.metric", config.reduce_on_plateau.metric),
        ("checkpoint.best", config.checkpoint.best),
    ):
        if name and name not in logged:
            raise unknown(f"metric in config.{where}", name, logged)


def check_comparable(method: Method, whose: str) -> None:
    """Refuses to measure what is made of images where nothing says what it should be.

    Raises:
      UserError: naming whose method it is.
    """
    if TRANSLATED in method.conditions and "target" not in method.entries:
        raise UserError(
            f"{whose} learns without targets: there is nothing to compare with what it makes of "
            "images, and nothing to evaluate (evaluation.every=0)"
        )


def _is_state(value: Any) -> bool:
    return all(hasattr(value, name) for name in ("step", "nets", "extras"))


def _called(value: Any) -> str:
    if isinstance(value, jax.Array | jax.ShapeDtypeStruct):
        return "an array"
    if isinstance(value, tuple):
        return f"({', '.join(type(each).__name__ for each in value)})"
    return type(value).__name__
