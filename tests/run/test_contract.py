"""What a method of one's own returns: refused before anything is written, and told in words."""

import dataclasses

import jax
import jax.numpy as jnp
import pytest

import jaxgan
from jaxgan import data
from jaxgan.base.errors import UserError
from jaxgan.base.method import Method
from jaxgan.base.state import State
from jaxgan.config import variants
from jaxgan.run import contract, program, sampling
from tests.conftest import run, smoke

OWN_PROGRAMS = True


@pytest.fixture
def prepared(monkeypatch):
    """prepared(change) -> the error, of a run of the plain GAN with its method changed."""
    made = variants.build

    def prepare(change):
        monkeypatch.setattr(variants, "build", lambda *args, **given: change(made(*args, **given)))
        with pytest.raises((TypeError, AttributeError, UserError)) as raised:
            program.prepare(smoke("gan_digits"))
        return raised.value

    return prepare


def step(change):
    def changed(method):
        return dataclasses.replace(method, step=lambda *given: change(*method.step(*given)))

    return changed


def with_(**members):
    return lambda method: dataclasses.replace(method, **members)


STEP, SAMPLES = "tracing the step of", "tracing the samples of"
WRONG = {
    "init must return a State, and returned dict": (
        with_(init=lambda key, batch: {"g": 1}),
        "tracing the initialization of",
    ),
    "step must return (State, metrics), and returned State": (step(lambda s, m: s), STEP),
    "and returned (dict, State)": (step(lambda s, m: (m, s)), STEP),
    "the metrics must be a mapping, and are list": (step(lambda s, m: (s, [*m])), STEP),
    "metric 'd/x' must be a scalar, and is an array (3,)": (
        step(lambda s, m: (s, {**m, "d/x": jnp.zeros(3)})),
        STEP,
    ),
    "metric 'loss' must be named {network}/{quantity}, with one of the state's networks: d, g": (
        step(lambda s, m: (s, {**m, "loss": jnp.zeros(())})),
        STEP,
    ),
    "generate must return an array with a row of the shape (8, 8, 1) for each sample": (
        with_(generate=lambda state, z, averaged: jnp.zeros((len(z), 4, 8, 1))),
        SAMPLES,
    ),
    "dtypes of its state: .step was int32 () and is float32 ()": (
        step(lambda s, m: (dataclasses.replace(s, step=s.step * 1.0), m)),
        STEP,
    ),
    "a step must count": (
        with_(step=lambda state, batch, key: (state, {"g/loss": jnp.zeros(())})),
        STEP,
    ),
    "is absent": (step(lambda s, m: (dataclasses.replace(s, nets={}), m)), STEP),
    "at(0) must return (phase, Method), the phase a hashable value; it returned int": (
        with_(at=lambda step: step),
        SAMPLES,
    ),
    "it returned (Method, int)": (
        lambda method: dataclasses.replace(method, at=lambda step: (method, step)),
        SAMPLES,
    ),
    "it returned (list, Method)": (
        lambda method: dataclasses.replace(method, at=lambda step: ([step], method)),
        SAMPLES,
    ),
    "n=2 gave the shape (5,)": (with_(latents=lambda key, n: jnp.zeros(5)), SAMPLES),
    "has no attribute 'typo'": (with_(latents=lambda key, n: jnp.typo), SAMPLES),
    "for n=2 it returned NoneType": (with_(generate=lambda *_, **__: None), SAMPLES),
    "unexpected keyword argument 'averaged'": (with_(generate=lambda s, z: z), SAMPLES),
}


@pytest.mark.parametrize("told", WRONG)
def test_a_bug_is_told_with_its_stage(prepared, told):
    change, doing = WRONG[told]
    error = prepared(change)
    assert told in str(error)
    assert error.__notes__[-1] == f"This was raised while {doing} method 'gan'."


def test_a_step_that_does_not_count_behind_other_programs(prepared):
    def step(state, batch, key):
        return jax.jit(jax.jit(lambda x: x))(jax.jit(lambda x: x)(state)), {"g/loss": jnp.zeros(())}

    assert "a step must count" in str(prepared(with_(step=step)))


def test_an_entry_that_no_data_have(prepared):
    error = prepared(with_(entries=("image", "tagret")))
    assert isinstance(error, UserError)
    assert "'tagret'; did you mean 'target'" in str(error)


def test_one_name_is_a_tuple_of_it():
    method = Method(*[None] * 4, entries="image", apart=["target"], conditions="labels")
    assert method.entries == ("image",)
    assert (method.apart, method.conditions) == (("target",), ("labels",))


def test_what_is_no_method(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "no_method_of_test_contract.py").write_text(
        "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass V:\n"
        "    def build(self):\n        return {}\n"
    )
    with pytest.raises(TypeError, match=r"V.build\(\) must return .*Method, and returned dict"):
        variants.build("no_method_of_test_contract", {})


def test_a_run_that_draws_nothing_is_not_asked_for_samples(monkeypatch):
    made = variants.build
    change = with_(generate=lambda *_, **__: None)
    monkeypatch.setattr(variants, "build", lambda *args, **given: change(made(*args, **given)))
    program.prepare(smoke("gan_digits", "sample.every=0", "evaluation.every=0"))


def test_conditions_of_its_own_are_left_to_the_method():
    method = Method(None, None, lambda key, n: 1 / 0, None, conditions=("mask",))
    contract.check_samples(method, 1, None, jax.random.key(0), (2,), averaged=True)


def test_a_state_has_a_scalar_step():
    with pytest.raises(TypeError, match=r"State.step must be a scalar, and has the shape \(2,\)"):
        contract.check_state(State(jnp.zeros(2, jnp.int32), {}, {}))


def test_one_label_for_all_reaches_a_method_as_a_row_for_each_sample(monkeypatch):
    made = variants.build

    def generate(state, latents, *, labels, averaged=True):
        assert (labels.shape, labels.dtype) == ((len(latents),), jnp.int32)
        return jnp.broadcast_to(labels[:, None, None, None] / 10, (len(latents), 8, 8, 1))

    monkeypatch.setattr(
        variants, "build", lambda *args, **given: with_(generate=generate)(made(*args, **given))
    )
    ready = program.prepare(smoke("cgan_digits"))
    state = ready.start()["state"]
    for asked in (3, [3, 3]):
        found = sampling.draw(ready, state, jax.random.key(0), 2, labels=asked)
        assert found[:, 0, 0, 0] == pytest.approx(0.3)


@pytest.mark.parametrize("more", ["data.placement=stream", "parallel.devices=2"])
def test_what_is_checked_is_not_traced_again_where_it_is_compiled(monkeypatch, more):
    made, traced = variants.build, []

    def noted(name, function):
        return lambda *given: traced.append(name) or function(*given)

    def build(*args, **given):
        method = made(*args, **given)
        return with_(init=noted("init", method.init), step=noted("step", method.step))(method)

    monkeypatch.setattr(variants, "build", build)
    ready = program.prepare(smoke("gan_digits", more))
    source = data.open_source(ready.config.data, "train")
    dataset, batches = ready.dataset(source), ready.batches(source, 0)
    carry, functions = ready.start(), ready.at(0)
    functions.step.trace(carry, dataset, next(batches), ready.key)
    functions.several.trace(carry, dataset, (next(batches), next(batches)), ready.key)
    assert sorted(traced) == ["init", "step"]


def test_what_is_loaded_has_no_step_traced(tmp_path, monkeypatch):
    run(smoke("gan_digits", "steps=1", "sample.every=0", "evaluation.every=0"), tmp_path / "run")
    made = variants.build
    change = with_(step=lambda *_: 1 / 0)
    monkeypatch.setattr(variants, "build", lambda *args, **given: change(made(*args, **given)))
    assert jaxgan.load(tmp_path / "run").step == 1
