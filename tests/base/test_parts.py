"""Networks and optimizers in parts, one on each device (`parallel.shard_parameters`)."""

import jax
import numpy as np
import pytest

import jaxgan
from jaxgan import config, data
from jaxgan.base import errors, parallel
from jaxgan.run import checkpoint, needs, pauses, program, sampling
from tests.base.test_parallel import losses
from tests.conftest import log_lines, run, same_bits, smoke, stop_at
from tests.test_laws import sgd

WIDE = ("method.generator.features=128,256", "method.discriminator.features=256,128")


def on(count, in_parts, *more):
    given = (*WIDE, "steps=40", *more, f"parallel.shard_parameters={in_parts}")
    settings = smoke("gan_digits", *given)
    settings.parallel.devices = count
    return config.complete(config.plain(sgd(settings)))


@pytest.mark.parametrize(
    ("shape", "parts", "axis"),
    [
        ((3, 3, 256, 512), 4, 3),
        ((1024, 512), 4, 0),
        ((512, 512), 4, 0),  # the first of two
        ((8, 3, 1022), 4, 0),  # the longest is not divided
        ((6, 7), 4, None),
        ((2,), 4, None),
        ((0, 4), 4, 1),
        ((), 4, None),
        ((512, 512), 1, None),
    ],
)
def test_an_array_is_cut_along_the_longest_axis_that_divides(shape, parts, axis):
    assert parallel.longest(shape, parts) == axis


@pytest.mark.parametrize(
    ("shape", "part"),
    [
        ((128, 128), (32, 128)),
        ((128, 127), (128, 127)),  # a value less than is worth it
        ((129, 127), (129, 127)),  # nothing divides
        ((1 << 14,), (1 << 12,)),
    ],
)
def test_small_arrays_stay_whole(shape, part):
    devices = parallel.devices("jit", 4, 4, in_parts=True)
    x = jax.ShapeDtypeStruct(shape, np.float32)
    assert devices.in_parts(x).shard_shape(shape) == part
    for whole in (parallel.devices("jit", 4, 4), parallel.devices("jit", 1, 4, in_parts=True)):
        assert whole.in_parts(x).is_fully_replicated


def test_each_device_holds_a_part_of_parameters_optimizers_and_averages():
    adam = smoke("gan_digits", *WIDE, "parallel.shard_parameters=True")
    adam.parallel.devices = 4
    ready = program.prepare(adam)
    carry = ready.start()
    large = [x for x in jax.tree.leaves(carry) if x.size >= parallel.LEAST]
    assert len(large) == 2 * (4 + 3), "of two layers: weights, two moments, and of G the average"
    for x in jax.tree.leaves(carry):
        part = x.addressable_shards[0].data.size
        assert part == (x.size // 4 if x.size >= parallel.LEAST else x.size)
    held = sum(x.addressable_shards[0].data.nbytes for x in jax.tree.leaves(carry))
    assert ready.share == held < 0.4 * ready.bytes


def test_a_step_is_given_a_quarter_and_gathers_what_it_computes_with():
    sizes = {}
    for in_parts in (True, False):
        wide = [x.replace("128", "512").replace("256", "1024") for x in WIDE]
        settings = on(4, in_parts, *wide)
        ready = program.prepare(settings)
        source = data.open_source(settings.data, "train")
        dataset, batch = ready.dataset(source), next(ready.batches(source, 0))
        made = ready.at(0).step.lower(ready.template, dataset, batch, ready.key)
        compiled = made.compile()
        memory, exchanged = compiled.memory_analysis(), needs.read(compiled, 0, 0, 0.0)
        if in_parts:  # and not maps, by networks that are cut, too
            params = [net.params for net in ready.shapes["state"].nets.values()]
            large = [x.size for x in jax.tree.leaves(params) if x.size >= parallel.LEAST]
            assert exchanged.passed >= 4 * sum(large)
            assert "all-to-all" not in exchanged.collectives
        held = sum(x.nbytes for x in jax.tree.leaves(dataset))
        sizes[in_parts] = memory.argument_size_in_bytes - held, memory.alias_size_in_bytes
    # What is left is the batch and the small arrays.
    assert sizes[True][0] < 0.27 * sizes[False][0]
    assert sizes[True][1] < 0.27 * sizes[False][1], "a step replaces its state in place"


@pytest.mark.parametrize(
    ("start", "others"),
    [
        ((4, True), [(2, False), (1, False)]),
        pytest.param((4, True), [(4, False), (2, True)], marks=pytest.mark.slow),
        pytest.param((4, False), [(4, True), (2, True)], marks=pytest.mark.slow),
        pytest.param((1, False), [(4, True)], marks=pytest.mark.slow),
    ],
)
def test_a_checkpoint_goes_on_in_other_layouts(tmp_path, start, others):
    settings = on(*start)
    _, carry = losses(settings, program.prepare(settings).start(), 0, 5)
    checkpoints = checkpoint.open_to_write(tmp_path, keep=1, needed=1)
    checkpoints.save(5, carry, {})
    checkpoints.wait()
    checkpoints.close()
    before = jax.device_get(carry)
    expected, _ = losses(settings, carry, 5, 10)
    assert np.ptp(expected[:, 0]) > 1e-4, "nothing moves: the comparison would say nothing"
    for count, in_parts in others:
        ready = program.prepare(on(count, in_parts))
        restored = checkpoint.restore(tmp_path, ready.template)
        assert same_bits(jax.device_get(restored.tree), before)
        found, _ = losses(on(count, in_parts), restored.tree, 5, 10)
        told = f"{count} {in_parts}"
        np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0, err_msg=told)


def test_a_run_in_parts_is_that_on_one_device_and_is_loaded_as_it_is(tmp_path, monkeypatch):
    """With what looks at its state: pictures, evaluation by new statistics, a plateau, a resume."""
    more = ("method.generator.batch_norm=True", "evaluation.recalibrate=2", "steps=20")
    more += ("reduce_on_plateau.metric=d/loss", "reduce_on_plateau.patience=1")
    more += ("reduce_on_plateau.min_delta=9.0", "sample.every=10")
    one, four = tmp_path / "one", tmp_path / "four"
    assert run(on(1, False, *more), one) == 0
    stop_at(monkeypatch, 12)
    assert run(on(4, True, *more), four) == 75
    monkeypatch.undo()
    assert run(on(4, True, *more), four) == 0
    for a, b in zip(log_lines(one), log_lines(four), strict=True):
        assert a.keys() == b.keys()
        for name in a:
            if "accuracy" not in name:
                assert b[name] == pytest.approx(a[name], abs=1e-4, rel=1e-4), name
    models = jaxgan.load(one), jaxgan.load(four)
    for net in models[1].state.nets.values():
        assert float(net.opt_state.factor) < 1, "the plateau was reached"
    for x in jax.tree.leaves(models[1].state):
        assert len(x.sharding.device_set) == 1
    drawn = [model.sample(jax.random.key(0), 5) for model in models]
    np.testing.assert_allclose(*drawn, atol=1e-4)


def test_a_state_keeps_its_layout_when_rates_and_statistics_change():
    settings = on(4, True, "method.generator.batch_norm=True", "evaluation.recalibrate=1")
    ready = program.prepare(settings)
    run_of = pauses.Run(ready, None, None, None, {}, None, None)
    lowered = pauses.rescale(run_of, ready.start(), 0.5)["state"]
    renewed, _ = sampling.recalibrate(ready, lowered)
    for state in (lowered, renewed):
        for x, y in zip(*map(jax.tree.leaves, (state, ready.template["state"])), strict=True):
            assert x.sharding.is_equivalent_to(y.sharding, x.ndim)


def test_pmap_has_no_parts():
    with pytest.raises(errors.UserError, match=r"shard_parameters needs config\.parallel\.mode="):
        config.load(
            "experiments/gan_digits.py",
            ["--config.parallel.shard_parameters=True", "--config.parallel.mode=pmap"],
        )
