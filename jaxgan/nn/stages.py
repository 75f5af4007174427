"""What of a network is kept for its gradient, where the rest is to be worked out once more.

Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost" (arXiv:1604.06174): with the maps
between stages alone, memory grows with the largest stage instead of with all of them.
"""

from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax.ad_checkpoint import checkpoint_name
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var, jaxpr_as_fun

STAGE = "stage"


def stage(x: jax.Array) -> jax.Array:
    """The map [B, H, W, C] that a stage ends with, as it is, and kept."""
    return checkpoint_name(x, STAGE)


def rematerialized(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, of whose inner values its gradient keeps what passes from stage to stage.

    Each stage is worked out once more by itself, when the gradient of what it gives is there. Were
    it one ``jax.checkpoint`` of all, XLA could work out all stages before the first gradient.
    """

    def run(*inputs: Any) -> Any:
        closed, shapes = jax.make_jaxpr(function, return_shape=True)(*inputs)
        jaxpr = closed.jaxpr
        known: dict[Any, Any] = dict(zip(jaxpr.constvars, closed.consts, strict=True))
        known.update(zip(jaxpr.invars, jax.tree.leaves(inputs), strict=True))
        for part in parts(jaxpr):
            given = [known[x] for x in part.invars]
            worked = jax.checkpoint(jaxpr_as_fun(ClosedJaxpr(part, [])))(*given)
            known.update(zip(part.outvars, worked, strict=True))
        out = [x.val if isinstance(x, Literal) else known[x] for x in jaxpr.outvars]
        return jax.tree.unflatten(jax.tree.structure(shapes), out)

    return run


def parts(jaxpr: Jaxpr) -> Iterator[Jaxpr]:
    """The stages of a program, each with what it takes from before and gives to after it."""
    sections: list[list[JaxprEqn]] = [[]]
    for eqn in jaxpr.eqns:
        sections[-1].append(eqn)
        if eqn.primitive.name == "name" and eqn.params["name"] == STAGE:
            sections.append([])
    later = [variables(jaxpr.outvars)]
    for section in reversed(sections):
        later.append(later[-1] | variables(x for eqn in section for x in eqn.invars))
    for section, needed in zip(sections, later[-2::-1], strict=True):
        made = dict.fromkeys(x for eqn in section for x in eqn.outvars)
        taken = variables(x for eqn in section for x in eqn.invars)
        invars = [x for x in taken if x not in made]
        outvars = [x for x in made if x in needed]
        yield jaxpr.replace(constvars=[], invars=invars, outvars=outvars, eqns=section)


def variables(atoms: Any) -> dict[Var, None]:
    """Those of the atoms that are no numbers, each once and in their order."""
    return dict.fromkeys(x for x in atoms if not isinstance(x, Literal))
