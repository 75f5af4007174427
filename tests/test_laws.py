"""The laws of the design, for every method that is found in the package."""

import dataclasses
import re
import sys
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from jaxgan import config, data
from jaxgan.adversarial import Common
from jaxgan.base import errors, parallel
from jaxgan.base.method import Method, Styled
from jaxgan.base.state import State
from jaxgan.config import variants
from jaxgan.run import checkpoint, feed, program, sampling
from tests.conftest import METHODS, experiment_of, log_lines, run, same_bits, smoke, stop_at

pytestmark = pytest.mark.usefixtures("quick_classifier")

STEPS = 3
LONG = pytest.mark.long("gan")
# One method of each kind: a game, a game in phases, several networks, images of images. What others
# compile, their own tests do.
COMPILED = pytest.mark.long("gan", "progan", "vae", "pix2pix")


@pytest.fixture(scope="module", params=METHODS)
def settings(request):
    return smoke(experiment_of(request.param))


@pytest.fixture(scope="module")
def ready(settings):
    return program.prepare(settings)


@pytest.fixture(scope="module")
def batch(ready):
    source = data.open_source(ready.config.data, "train")
    index = data.indices(0, 0, size=source.size, batch_size=ready.batch)
    rows = data.to_float(source.read(index))
    # What a method does not name, it cannot read here; labels need no name.
    read = feed.shapes(ready.spec, ready.batch, ready.method.entries)
    return ready.devices.replicate({name: rows[name] for name in read})


@pytest.fixture(scope="module")
def state(ready):
    return ready.start()["state"]


@pytest.fixture(scope="module")
def step(ready):
    return jax.jit(ready.method.step)


@pytest.fixture(scope="module")
def shaped(ready):
    """The shapes of the state, where its values do not matter."""
    return ready.shapes["state"]


@pytest.fixture(scope="module")
def traced(ready, step, batch):
    """What `step` calls, on the devices of the run: so a method is traced once."""
    return step.trace(ready.template["state"], batch, ready.key)


@pytest.fixture(scope="module")
def variant(settings):
    return variants.find(settings.method.name)


def test_is_a_final_frozen_dataclass(variant):
    cls = variant
    assert cls.__dataclass_params__.frozen
    assert cls.__bases__ == (object,)
    assert re.search(r"arXiv:\d{4}\.\d{4,5}|\b20\d\d\b", sys.modules[cls.__module__].__doc__)


def test_builds_a_record_of_functions(ready):
    assert type(ready.method) is Method
    for name, member in vars(ready.method).items():
        known = {"minibatches": int, "entries": tuple, "conditions": tuple, "choices": Mapping}
        known |= {"apart": tuple, "styled": Styled | None}
        assert isinstance(member, known.get(name, Callable | None)), name
    assert "image" in ready.method.entries
    assert set(ready.method.apart) <= set(ready.method.entries) - {"image"}
    assert set(ready.method.choices) <= set(ready.method.conditions) - {"labels"}


@COMPILED
def test_1_pure(ready, step, state, batch):
    assert same_bits(step(state, batch, ready.key), step(state, batch, ready.key))


@COMPILED
def test_1_the_key_matters(step, state, batch, ready):
    if "image" in ready.method.conditions:
        pytest.skip("no dropout in a network of so few pixels, and no choice while a pool fills")
    first, _ = step(state, batch, ready.key)
    second, _ = step(state, batch, ready.purpose_key(1))
    assert not same_bits(first.nets, second.nets)


def test_2_keeps_tree_shapes_and_dtypes(traced, shaped):
    new, _ = traced.out_info
    assert jax.tree.structure(new) == jax.tree.structure(shaped)
    assert shapes(new) == shapes(shaped)
    weak = [x.weak_type for x in traced.jaxpr.out_avals]
    assert not any(weak), "a weak type would compile the second step again"


def shapes(tree):
    return jax.tree.map(lambda x: (x.shape, x.dtype), tree)


@pytest.fixture(scope="module")
def alone(settings, shaped, batch):
    """The step as the config builds it, without what a run puts around it."""
    return jax.jit(config.build(settings).step).trace(shaped, batch, jax.random.key(0))


@LONG
@pytest.mark.parametrize(
    "more", [{"precision": "bfloat16"}, {"accumulate": 2}, {"rematerialize": True}]
)
def test_2_how_a_run_computes_does_not_change_the_state(settings, alone, shaped, batch, more):
    changed = settings.copy_and_resolve_references()
    with changed.unlocked():
        changed.update(more)
    method = config.build(changed)
    made = jax.eval_shape(method.init, jax.random.key(0), batch)
    assert shapes(made) == shapes(shaped)
    found = jax.jit(method.step).trace(shaped, batch, jax.random.key(0))
    assert shapes(found.out_info) == shapes(alone.out_info)
    assert str(found.jaxpr) != str(alone.jaxpr)


@COMPILED
def test_2_counts_its_steps(ready, step, state, batch):
    assert step(state, batch, ready.key)[0].step == state.step + 1


@COMPILED
def test_3_metrics_are_finite_float32_scalars_named_by_player(ready, step, state, batch):
    _, metrics = step(state, batch, ready.key)
    assert metrics
    for name, value in metrics.items():
        player, _, quantity = name.partition("/")
        assert player in state.nets, name
        assert re.fullmatch(r"[a-z0-9_]+", quantity), name
        assert (value.shape, value.dtype) == ((), jnp.float32), name
        assert jnp.isfinite(value), name


def sgd(settings):
    """The same config with SGD: Adam amplifies rounding where a gradient is near zero."""
    changed = settings.copy_and_resolve_references()
    rate = 1e-2
    with changed.unlocked():
        if changed.method.generator.name == "translator":
            # At first its maps are nearly constant, and divided by their deviation: a millionth of
            # the weights more is a hundredth after three steps, on one device too.
            for role in {"generator", "discriminator"} & set(changed.method):
                changed.method[role].normalization = "none"
        for key in changed.method:
            if key.endswith("optimizer"):
                changed.method[key] = {"name": "sgd", "learning_rate": rate}
    return changed


def after_steps(settings, count, mode, *, in_parts=False):
    settings = settings.copy_and_resolve_references()
    with settings.unlocked():
        settings.parallel.devices, settings.parallel.mode = count, mode
        settings.parallel.shard_parameters = in_parts
    ready = program.prepare(settings)
    source = data.open_source(settings.data, "train")
    carry, dataset = ready.start(), ready.dataset(source)
    batches = ready.batches(source, 0)
    for i in range(STEPS):
        carry = ready.at(i).step(carry, dataset, next(batches), ready.key)
    cut = [x for x in jax.tree.leaves(carry) if x.addressable_shards[0].data.size < x.size]
    assert bool(cut) == in_parts
    return jax.device_get(carry)


@pytest.fixture(scope="module")
def one_device(settings):
    return after_steps(sgd(settings), 1, "jit")


@LONG
@pytest.mark.parametrize(
    ("count", "mode"), [(4, "jit"), (2, "pmap"), pytest.param(4, "pmap", marks=pytest.mark.slow)]
)
def test_4_devices_do_not_matter(settings, one_device, count, mode):
    same_as_one(after_steps(sgd(settings), count, mode), one_device)


@LONG
def test_4_networks_in_parts_are_those_on_one_device(settings, one_device, monkeypatch):
    monkeypatch.setattr(parallel, "LEAST", 64)  # here networks are narrow
    same_as_one(after_steps(sgd(settings), 4, "jit", in_parts=True), one_device)


def same_as_one(many, one_device):
    flat, _ = jax.tree_util.tree_flatten_with_path(one_device)
    for (path, expected), found in zip(flat, jax.tree.leaves(many), strict=True):
        name = jax.tree_util.keystr(path)
        if "accuracy" in name:  # a count of signs: rounding may flip one
            continue
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5, err_msg=name)


@LONG
def test_4_training_moves_far_more_than_the_tolerance(ready, settings, one_device):
    start = jax.device_get(ready.start()["state"])
    for name, net in one_device["state"].nets.items():
        moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), net.params, start.nets[name].params)
        assert max(jax.tree.leaves(moved)) > 1e-3, name


@LONG
def test_5_a_resumed_run_ends_in_the_same_bits(settings, tmp_path, monkeypatch):
    assert run(settings, tmp_path / "whole") == 0
    stop_at(monkeypatch, 7)
    assert run(settings, tmp_path / "resumed") == 75
    monkeypatch.undo()
    assert run(settings, tmp_path / "resumed") == 0
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    assert same_bits(final(settings, whole), final(settings, resumed))
    assert log_lines(whole) == log_lines(resumed)
    pictures = sorted(p.name for p in (whole / "samples").iterdir())
    assert len(pictures) >= 3
    for name in pictures:
        left, right = whole / "samples" / name, resumed / "samples" / name
        assert left.read_bytes() == right.read_bytes()


def final(settings, workdir):
    ready = program.prepare(settings)
    restored = checkpoint.restore(workdir / "checkpoints", ready.template)
    assert restored.step == settings.steps
    return jax.device_get(restored.tree)


def test_6_batches_start_anywhere_and_no_key_lives_in_the_state(ready, shaped):
    source = data.open_source(ready.config.data, "train")
    whole = ready.batches(source, 0)
    first = [next(whole) for _ in range(5)]
    later = ready.batches(source, 3)
    assert same_bits(first[3], next(later))
    assert same_bits(first[4], next(later))
    assert not any(jnp.issubdtype(x.dtype, jax.dtypes.prng_key) for x in jax.tree.leaves(shaped))


def test_6_streamed_batches_are_those_drawn_on_the_device(settings, ready):
    source = data.open_source(settings.data, "train")
    streamed = settings.copy_and_resolve_references()
    with streamed.unlocked():
        streamed.data.placement = "stream"
    host = dataclasses.replace(ready, config=streamed).batches(source, 2)
    device = ready.batches(source, 2)
    for _ in range(3):
        index = {name: np.asarray(rows) for name, rows in next(device).items()}
        expected = source.read(index["index"])
        for name in ready.method.apart:
            expected[name] = source.read(index[name])[name]
        assert same_bits(jax.device_get(next(host)), expected)


def test_7_an_unknown_field_is_refused(ready):
    section = config.plain(ready.config.method)
    name = section.pop("name")
    with pytest.raises(errors.UserError, match=r"unknown field .*'no_such_field'"):
        variants.build(name, {**section, "no_such_field": 1})
    slip = {**section, "techniques": {"unroled": 1}}
    told = r"unknown field .*'unroled'; did you mean 'unrolled"
    told = told if "techniques" in section else "unknown field .*'techniques'"
    with pytest.raises(errors.UserError, match=told):
        variants.build(name, slip)


@LONG
def test_8_many_seeds_in_one_program(ready, step, batch):
    keys = jax.random.split(jax.random.key(5), 2)
    init = jax.jit(ready.method.init)
    stacked = jax.jit(jax.vmap(ready.method.init, (0, None), State(None, 0, 0)))(keys, batch)
    axes = State(None, 0, 0)
    many = jax.jit(jax.vmap(ready.method.step, (axes, None, 0), (axes, 0)))
    together, metrics = many(stacked, batch, keys)
    for i, key in enumerate(keys):
        alone, expected = step(init(key, batch), batch, key)
        for name in expected:
            np.testing.assert_allclose(metrics[name][i], expected[name], rtol=1e-3, err_msg=name)
        assert together.step == alone.step


@LONG
def test_9_several_steps_in_one_dispatch_are_single_steps(settings):
    attends = settings.method.name == "gat"
    ready = program.prepare(sgd(settings) if attends else settings)
    source = data.open_source(settings.data, "train")
    dataset, batches = ready.dataset(source), ready.batches(source, 0)
    several = tuple(next(batches) for _ in range(STEPS))
    single = ready.start()
    for batch in several:
        single = ready.at(0).step(single, dataset, batch, ready.key)
    at_once = ready.at(0).several(ready.start(), dataset, several, ready.key)
    if not attends:
        assert same_bits(single, at_once)
        return
    # XLA rounds products of attention otherwise within a loop.
    for one, other in zip(jax.tree.leaves(single), jax.tree.leaves(at_once), strict=True):
        if jnp.issubdtype(one.dtype, jnp.number):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


# Where samples meet, each part is a batch of its own.
APART = {"batch_norm": False, "normalization": "none", "minibatch_stddev": 0}


def without_meetings(settings):
    """The same config with SGD, and with networks in which no sample sees another."""
    changed = sgd(settings)
    with changed.unlocked():
        if changed.method.generator.name == "noisy_mlp":  # its batch norm cannot be turned off
            changed.method.generator = {"name": "mlp", "features": (16,)}
        for part in changed.method.values():
            if isinstance(part, ConfigDict):
                part.update({key: value for key, value in APART.items() if key in part})
        if "techniques" in changed.method:  # the distance of two means
            changed.method.techniques.feature_matching = 0.0
            changed.method.techniques.feature_matching_alone = False
    return config.complete(config.plain(changed))


@LONG
@pytest.mark.parametrize(
    ("count", "mode"), [pytest.param(1, "jit", marks=pytest.mark.slow), (2, "pmap")]
)
def test_10_parts_of_a_batch_give_its_gradient(settings, count, mode):
    whole = without_meetings(settings)
    parts = whole.copy_and_resolve_references()
    with parts.unlocked():
        parts.accumulate = 4
    expected, found = after_steps(whole, 1, "jit"), after_steps(parts, count, mode)
    flat, _ = jax.tree_util.tree_flatten_with_path(expected)
    assert len(flat) == len(jax.tree.leaves(found))
    for (path, old), new in zip(flat, jax.tree.leaves(found), strict=True):
        name = jax.tree_util.keystr(path)
        # The classes of a part are not those of the batch: only those that are there move.
        of_classes = settings.method.name == "gat" and "w_avg" in name
        # A count of signs: rounding may flip one.
        if "accuracy" not in name and not of_classes:
            np.testing.assert_allclose(new, old, rtol=1e-5, atol=1e-5, err_msg=name)


@COMPILED
def test_11_samples_have_the_shape_of_the_data_and_depend_on_the_key_alone(ready, state):
    sample = jax.jit(ready.method.sample, static_argnums=2)
    given = to_translate(ready, 5)
    first = sample(state, jax.random.key(0), 5, **given)
    assert first.shape == (5, *made_shape(ready))
    assert jnp.all(jnp.isfinite(first))
    assert same_bits(first, sample(state, jax.random.key(0), 5, **given))
    assert given or not same_bits(first, sample(state, jax.random.key(1), 5))
    assert len({np.asarray(x).tobytes() for x in first}) == 5


@COMPILED
def test_11_a_sample_is_generated_from_latents(ready, state):
    method, key = ready.method, jax.random.key(0)
    latents = jax.jit(method.latents, static_argnums=1)(key, 5)
    assert all(len(x) == 5 for x in jax.tree.leaves(latents))
    for averaged in (True, False):
        given = {"averaged": averaged, **to_translate(ready, 5)}
        drawn = jax.jit(lambda s, k, given=given: method.sample(s, k, 5, **given))(state, key)
        made = jax.jit(lambda s, z, given=given: method.generate(s, z, **given))(state, latents)
        np.testing.assert_allclose(made, drawn, rtol=1e-5, atol=1e-5)


def made_shape(ready):
    """Of a sample: a translation is as the targets are, where there are any."""
    towards = "image" in ready.method.conditions and "target" in ready.method.entries
    return ready.spec.target if towards else ready.spec.shape


def to_translate(ready, n):
    """The images that samples are made of, where they are."""
    if "image" not in ready.method.conditions:
        return {}
    return {"image": jax.random.uniform(jax.random.key(9), (n, *ready.spec.shape), minval=-1.0)}


def conditions(ready, n):
    """Rows of each condition that the method takes, none like the one before."""
    if given := to_translate(ready, n):
        return {"image": np.asarray(given["image"])}
    choices = {"labels": ready.spec.num_classes, **ready.method.choices}
    made = {}
    for i, name in enumerate(ready.method.conditions):
        drawn = ready.method.latents(jax.random.key(7), n)
        shape = np.shape(drawn[name]) if isinstance(drawn, dict) else (n,)
        if name in choices:
            made[name] = (3 * np.arange(np.prod(shape)) + i).reshape(shape) % choices[name]
        else:
            made[name] = np.linspace(-1, 1, np.prod(shape)).reshape(shape).astype(np.float32)
    return made


@COMPILED
@pytest.mark.parametrize("asked", ["nothing", "each", "one"])
def test_11_chunks_change_nothing(ready, state, asked):
    """A sample depends on its own latents and conditions, whatever is drawn beside it."""
    n, given = 7, {}
    if asked != "nothing":
        given = conditions(ready, n)
    if "image" in ready.method.conditions and asked != "each":
        pytest.skip("an image is translated, and never another for all")
    if asked == "one":
        given = {name: rows.ravel()[1].item() for name, rows in given.items()}
    whole, parts = (
        sampling.draw(ready, state, jax.random.key(3), n, chunk=chunk, **given)
        for chunk in (100, 3)
    )
    assert whole.shape == (n, *made_shape(ready))
    np.testing.assert_allclose(parts, whole, rtol=1e-5, atol=1e-6)
    if given:
        other = {"image": -given["image"]} if "image" in given else {}
        plain = sampling.draw(ready, state, jax.random.key(3), n, **other)
        assert np.abs(whole - plain).max() > 1e-4
        sample = jax.jit(ready.method.sample, static_argnums=2)
        key = jax.random.fold_in(jax.random.key(3), 0)
        alone = sample(state, key, n, **jax.tree.map(jnp.asarray, given))
        np.testing.assert_allclose(whole, alone, rtol=1e-5, atol=1e-5)


def test_11_a_condition_that_there_is_not_is_refused(ready, shaped):
    with pytest.raises(ValueError, match="samples are not drawn by 'weather'"):
        ready.method.sample(shaped, jax.random.key(0), 2, weather=1)


def test_names_its_fields(variant):
    for cls in (variant, Common):
        for field in dataclasses.fields(cls):
            assert f"{field.name}:" in cls.__doc__, field.name
