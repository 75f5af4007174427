"""Whose mistake it is: a refusal is one line, a bug in a method's or a network's code is not."""

import pytest

from jaxgan.base import errors
from jaxgan.run import program
from tests.conftest import smoke


def refused(x):
    raise ValueError(f"sides must be even, not {x}")


def buggy(x):
    return x["no such key"]


def of_a_library(x):
    return int("three")


@pytest.mark.parametrize(
    ("code", "kind"), [(buggy, KeyError), (of_a_library, ValueError), (None, TypeError)]
)
def test_a_bug_keeps_its_type_and_traceback_and_says_the_stage(code, kind):
    with pytest.raises(kind) as caught, errors.stage("tracing the step of", "method 'mine'"):
        code({})
    assert caught.value.__notes__ == ["This was raised while tracing the step of method 'mine'."]
    assert not isinstance(caught.value, errors.UserError)


def test_a_refusal_is_one_line():
    with pytest.raises(errors.UserError) as caught, errors.stage("building", "method 'mine'"):
        refused(3)
    assert str(caught.value).startswith("method 'mine': sides must be even, not 3 (test_errors.py")
    with pytest.raises(errors.UserError, match=r"^as it is$"), errors.stage("building", "it"):
        raise errors.UserError("as it is")


BUG = """
import flax.linen as nn
import jax.numpy as jnp
from jaxgan.networks import Critique


class Discriminator(nn.Module):
    @nn.compact
    def __call__(self, x, *, train):
        h = nn.Dense(3)(x.reshape(len(x), -1))
        return Critique(h @ jnp.ones(4), h)
"""


def test_a_bug_in_a_network_that_jax_finds_is_shown_where_it_is(tmp_path, monkeypatch):
    (tmp_path / "network_with_a_bug.py").write_text(BUG)
    monkeypatch.syspath_prepend(tmp_path)
    config = smoke("gan_digits", "method.discriminator.name=network_with_a_bug")
    with pytest.raises(TypeError, match="dot_general") as caught:
        program.prepare(config)
    assert "This was raised while tracing the initialization of method 'gan'." in (
        caught.value.__notes__
    )
    assert any("network_with_a_bug.py" in str(entry.path) for entry in caught.traceback)
