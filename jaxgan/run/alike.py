"""One function of several that differ in numbers alone: rates, weights of losses, and such.

Each is traced with its own numbers. Where the programs have the same operations, what they differ
in are constants; of these a row for each is kept, and which row it is becomes an argument. So
nothing that reads a config need know that there are several.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

PyTree = Any
Path = tuple[Any, ...]
# Operations that only call a program: it can stand in their place.
CALLS = ("jit", "pjit", "closed_call", "remat2", "custom_jvp_call", "custom_vjp_call")


class DifferentError(Exception):
    """Programs that do not have the same operations."""


def merge(functions: Sequence[Callable[..., PyTree]]) -> Callable[..., PyTree]:
    """``merged(which, *arguments)`` is ``functions[which](*arguments)``, ``which`` an array.

    Args:
      functions: of arrays, which return as many, in the same operations.

    Raises:
      DifferentError: when it is traced, if they are not the same but for numbers.
    """

    def merged(which: jax.Array, *arguments: Any) -> PyTree:
        traced = [jax.make_jaxpr(each, return_shape=True)(*arguments) for each in functions]
        programs = [plain(program) for program, _ in traced]
        structures: Any = [jax.tree.structure(shape) for _, shape in traced]
        same("what they return", structures)
        rows = dict(differences((), *zip(*programs, strict=True)))
        numbers = {path: jnp.asarray(each)[which] for path, each in rows.items()}
        jaxpr, constants = programs[0]
        out = call((), jaxpr, constants, jax.tree.leaves(arguments), numbers)
        return jax.tree.unflatten(structures[0], out)

    return merged


def plain(program: Any) -> tuple[Any, Sequence[Any]]:
    """A program's operations, and its constants, which JAX 0.12 keeps in one."""
    return getattr(program, "jaxpr", program), getattr(program, "consts", ())


def differences(
    path: Path, jaxprs: Sequence[Any], constants: Sequence[Sequence[Any]]
) -> Iterator[tuple[Path, np.ndarray]]:
    """Where programs have other numbers, and which: [programs, ...].

    Raises:
      DifferentError: if that is not all.
    """
    same("number of constants", [len(each) for each in constants])
    for i, each in enumerate(zip(*constants, strict=True)):
        yield from rows((*path, "constant", i), each)
    same("number of operations", [len(jaxpr.eqns) for jaxpr in jaxprs])
    names: list[dict[Any, Any]] = [{} for _ in jaxprs]
    for jaxpr, known in zip(jaxprs, names, strict=True):
        known |= {v: i for i, v in enumerate([*jaxpr.constvars, *jaxpr.invars])}
    for i, operations in enumerate(zip(*(jaxpr.eqns for jaxpr in jaxprs), strict=True)):
        same("operation", [each.primitive.name for each in operations])
        name = operations[0].primitive.name
        yield from inputs((*path, i), names, [each.invars for each in operations])
        for known, each in zip(names, operations, strict=True):
            known |= {v: (i, j) for j, v in enumerate(each.outvars)}
        same(f"shape of {name}", [[str(v.aval) for v in each.outvars] for each in operations])
        params = [each.params for each in operations]
        same(f"parameters of {name}", [sorted(each) for each in params])
        for key in params[0]:
            values = [each[key] for each in params]
            inner = [programs_in(value) for value in values]
            same(f"{key} of {name}", [len(each) for each in inner])
            for j, of in enumerate(zip(*inner, strict=True)):
                parts = [plain(each) for each in of]
                yield from differences((*path, i, key, j), *zip(*parts, strict=True))
            # A rule for derivatives is of no use any more, and is another object in each program.
            if not inner[0] and not name.startswith("custom_") and not any(map(callable, values)):
                same(f"{key} of {name}", values)
    yield from inputs((*path, "result"), names, [jaxpr.outvars for jaxpr in jaxprs])


def inputs(
    path: Path, names: Sequence[dict[Any, Any]], of: Sequence[Sequence[Any]]
) -> Iterator[tuple[Path, np.ndarray]]:
    """The numbers that what an operation is given differs in."""
    same("number of inputs", [len(each) for each in of])
    for j, given in enumerate(zip(*of, strict=True)):
        literal = [isinstance(each, core.Literal) for each in given]
        same("input", literal)
        if literal[0]:
            yield from rows((*path, j), [each.val for each in given])
        else:
            same("input", [known[each] for known, each in zip(names, given, strict=True)])


def rows(path: Path, values: Sequence[Any]) -> Iterator[tuple[Path, np.ndarray]]:
    """The values as one array, if they differ."""
    if all(value is values[0] for value in values):
        return
    if any(jnp.issubdtype(jnp.asarray(value).dtype, jax.dtypes.prng_key) for value in values):
        with jax.ensure_compile_time_eval():  # this is within a trace
            return same("key", [jax.random.key_data(value).tolist() for value in values])
    arrays = [np.asarray(value) for value in values]
    same("shape of a constant", [(x.shape, x.dtype) for x in arrays])
    if any(x.tobytes() != arrays[0].tobytes() for x in arrays):
        yield path, np.stack(arrays)


def same(what: str, values: Sequence[Any]) -> None:
    """Refuses values that differ.

    Raises:
      DifferentError: naming them.
    """
    for value in values[1:]:
        if value != values[0] and not (value != value and values[0] != values[0]):  # NaN is alike
            raise DifferentError(f"{what}: {values[0]} and {value}"[:200])


def programs_in(value: Any) -> list[Any]:
    """The programs that are a parameter of an operation."""
    each = value if isinstance(value, tuple | list) else (value,)
    return [x for x in each if isinstance(x, core.Jaxpr | core.ClosedJaxpr)]


def call(
    path: Path,
    jaxpr: Any,
    constants: Sequence[Any],
    arguments: Sequence[Any],
    numbers: dict[Path, jax.Array],
) -> list[Any]:
    """What a program returns with these numbers in the place of its own."""
    known: dict[Any, Any] = dict(zip(jaxpr.invars, arguments, strict=True))
    for i, (variable, value) in enumerate(zip(jaxpr.constvars, constants, strict=True)):
        known[variable] = numbers.get((*path, "constant", i), value)

    def read(place: Path, variables: Sequence[Any]) -> list[Any]:
        return [
            numbers.get((*place, j), v.val) if isinstance(v, core.Literal) else known[v]
            for j, v in enumerate(variables)
        ]

    for i, operation in enumerate(jaxpr.eqns):
        place = (*path, i)
        given = read(place, operation.invars)
        inside = any(at[: len(place)] == place and len(at) > len(place) + 1 for at in numbers)
        out = (within if inside else bind)(place, operation, given, numbers)
        known |= dict(zip(operation.outvars, out, strict=True))
    return read((*path, "result"), jaxpr.outvars)


def bind(_: Path, operation: Any, given: Sequence[Any], __: dict[Path, jax.Array]) -> list[Any]:
    """What an operation returns."""
    params = operation.primitive.get_bind_params(operation.params)
    with operation.ctx.manager:
        out = operation.primitive.bind(*given, **params)
    return list(out) if operation.primitive.multiple_results else [out]


def within(
    place: Path, operation: Any, given: Sequence[Any], numbers: dict[Path, jax.Array]
) -> list[Any]:
    """What an operation returns in whose programs numbers differ.

    Raises:
      DifferentError: for one that they cannot be passed into.
    """
    name, params = operation.primitive.name, operation.params

    def inner(key: str, j: int = 0) -> Callable[..., list[Any]]:
        found = plain(programs_in(params[key])[j])
        return lambda *arguments: call((*place, key, j), *found, arguments, numbers)

    if name in CALLS:
        return inner("jaxpr" if "jaxpr" in params else "call_jaxpr")(*given)
    if name == "cond":
        branches = [inner("branches", j) for j in range(len(params["branches"]))]
        return jax.lax.switch(given[0], branches, *given[1:])
    if name == "scan":
        if "ft_in" in params:  # of JAX 0.12
            constant, carry = (len(part) for part in params["ft_in"].unpack()[:2])
        else:
            constant, carry = params["num_consts"], params["num_carry"]
        given, init, xs = given[:constant], given[constant:][:carry], given[constant + carry :]

        def body(state: Any, row: Any) -> tuple[Any, Any]:
            out = inner("jaxpr")(*given, *state, *row)
            return out[:carry], out[carry:]

        options = {key: params[key] for key in ("length", "reverse", "unroll")}
        end, made = jax.lax.scan(body, init, xs, **options)
        return [*end, *made]
    if name == "while":
        a, b = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
        return jax.lax.while_loop(
            lambda carry: inner("cond_jaxpr")(*given[:a], *carry)[0],
            lambda carry: inner("body_jaxpr")(*given[a:b], *carry),
            list(given[b:]),
        )
    raise DifferentError(f"a number within {name}")
