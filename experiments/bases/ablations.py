"""Arms that sweeps of several experiments share."""

from jaxgan import sweep
from jaxgan.sweep.arms import Arms

LOSSES = (
    *("minimax", "non_saturating", "least_squares", "wasserstein", "hinge"),
    *("relativistic_average", "relativistic_pairing"),
)


def losses(*names: str) -> Arms:
    """Every adversarial loss, or those named."""
    return sweep.values("method.loss", names or LOSSES)


def penalties(r1: float) -> Arms:
    """None, or one of four; R1 and R2 of this weight."""
    techniques = "method.techniques."
    return {
        "none": {},
        "GP": {techniques + "gradient_penalty": 10.0},
        "DRAGAN": {
            techniques + "gradient_penalty": 10.0,
            techniques + "gradient_penalty_kind": "dragan",
        },
        "R1": {techniques + "r1": r1},
        "R1+R2": {techniques + "r1": r1, techniques + "r2": r1},
    }


def losses_and_penalties(seeds: int, r1: float) -> sweep.Sweep:
    """Each loss with each penalty, the plain non-saturating one as baseline."""
    arms = sweep.product(losses(), penalties(r1))
    return sweep.Sweep(arms, seeds, "loss=non_saturating, none", together=True)
