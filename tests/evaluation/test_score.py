import jax.numpy as jnp
import numpy as np
import pytest
import torch

from jaxgan.evaluation.metrics.score import classifier_score


def by_torch(logits, splits):
    p = torch.softmax(torch.tensor(logits, dtype=torch.float64), dim=1)
    n, found = len(p), []
    for i in range(splits):  # As the authors' code cuts them.
        part = p[i * n // splits : (i + 1) * n // splits]
        marginal = part.mean(0, keepdim=True).expand_as(part)
        kl = torch.nn.functional.kl_div(marginal.log(), part, reduction="none").sum(1)
        found.append(kl.mean().exp().item())
    return np.mean(found), np.std(found)


def test_against_torch():
    logits = np.random.default_rng(0).normal(size=(200, 7)) * 3
    assert classifier_score(logits) == pytest.approx(by_torch(logits, 10), rel=1e-12)
    assert classifier_score(logits, splits=1)[1] == 0
    x = jnp.asarray(logits)
    assert classifier_score(x, splits=4) == pytest.approx(by_torch(logits, 4), rel=1e-4)


def test_every_sample_is_used_when_splits_do_not_divide():
    logits = np.random.default_rng(1).normal(size=(23, 3))
    assert classifier_score(logits, splits=5) == pytest.approx(by_torch(logits, 5), rel=1e-12)


def test_its_bounds():
    """C for sure and even predictions, 1 for unsure ones and for a single class."""
    sure = np.tile(np.eye(10), (10, 1)) * 1e4
    assert classifier_score(sure)[0] == pytest.approx(10)
    assert classifier_score(sure + 1e6)[0] == pytest.approx(10)
    assert classifier_score(np.zeros((50, 10)))[0] == pytest.approx(1)
    assert classifier_score(np.tile(sure[:1], (50, 1)))[0] == pytest.approx(1)


def test_closed_form():
    """Half of the samples say (1 - e, e), half the reverse: log 2 less the entropy of e."""
    e = 0.2
    logits = np.log(np.tile([[1 - e, e], [e, 1 - e]], (20, 1)))
    entropy = -e * np.log(e) - (1 - e) * np.log(1 - e)
    assert classifier_score(logits, splits=2)[0] == pytest.approx(2 * np.exp(-entropy))


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="logits must be"):
        classifier_score(np.zeros(5))
    with pytest.raises(ValueError, match="not finite"):
        classifier_score(np.full((20, 3), np.nan))
    with pytest.raises(ValueError, match="splits must lie between 1 and n = 5"):
        classifier_score(np.zeros((5, 3)))
