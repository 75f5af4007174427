"""Many seeds in one program: each lane is the run of its seed, and what befalls one is its own."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import config, data, train
from jaxgan.base import errors, files
from jaxgan.run import checkpoint, export, judge, lane_folders, lanes, program
from tests.conftest import METHODS, experiment_of, log_lines, run, same_bits, smoke, stop_at
from tests.test_laws import sgd

pytestmark = pytest.mark.usefixtures("quick_classifier")
SHORT = ("steps=12", "log.every=4", "checkpoint.every=4", "sample.every=6", "evaluation.every=6")


def after(settings, *steps, devices=1):
    """The carry after each of these numbers of steps, on the host."""
    settings = settings.copy_and_resolve_references()
    with settings.unlocked():
        settings.parallel.devices = devices
        settings.steps = max(settings.steps, *steps)
    ready = program.prepare(settings)
    source = data.open_source(settings.data, "train")
    carry, dataset, batches = ready.start(), ready.dataset(source), ready.batches(source, 0)
    found = []
    for step in range(max(steps)):
        carry = ready.at(step).step(carry, dataset, next(batches), ready.key)
        if step + 1 in steps:
            found.append(jax.device_get(carry))
    return ready, found


def seeded(settings, seed, seeds=1):
    settings = settings.copy_and_resolve_references()
    with settings.unlocked():
        settings.seed, settings.seeds = seed, seeds
    return settings


def distance(a, b):
    """The largest one between parameters of two carries."""
    params = [{name: net.params for name, net in x["state"].nets.items()} for x in (a, b)]
    return max(jax.tree.leaves(jax.tree.map(lambda x, y: np.abs(x - y).max(), *params)))


# Of some an activation comes so near to 0 within 50 steps that rounding decides its slope: pix2pix
# goes as far from itself if its weights begin one rounding apart (0.016), the others by the step.
KINKED = {"pix2pix": 0.05, "progan": 1e-3, "infogan": 1e-4}


@pytest.mark.parametrize(
    "method", [pytest.param(m, marks=() if m == "gan" else pytest.mark.slow) for m in METHODS]
)
def test_a_lane_is_the_run_of_its_seed(method):
    settings, steps = sgd(smoke(experiment_of(method))), (5, 50)
    if method == "gat":  # whose rate by width is a hundred times SGD's
        settings.method.reference_width = 0
    ready, carries = after(seeded(settings, 3, 4), *steps)
    assert ready.seeds == [3, 4, 5, 6]
    assert carries[1]["state"].step == 50
    for lane in (0, 3):
        alone = after(seeded(settings, 3 + lane), *steps)[1]
        early, late = (
            distance(lanes.take(carry, lane, ready.devices), other)
            for carry, other in zip(carries, alone, strict=True)
        )
        assert early < 1e-5
        assert late < KINKED.get(method, 1e-5)


@pytest.mark.parametrize(("count", "shape"), [(4, (2, 2)), (2, (2, 1)), (3, (1, 3))])
def test_lanes_come_first_and_then_the_batch(count, shape):
    settings = seeded(sgd(smoke("gan_digits", "batch_size=12")), 0, 2)
    one, many = (after(settings, 4, devices=n) for n in (1, count))
    devices = many[0].devices
    assert devices.mesh.devices.shape == shape
    assert dict(devices.mesh.shape) == {"lanes": shape[0], "data": shape[1]}
    assert distance(one[1][0], many[1][0]) < 1e-5
    counter = many[0].shapes["state"].step.dtype.itemsize  # the lanes share it
    assert many[0].share == (many[0].bytes - counter) // shape[0] + counter
    # Nothing but sums of gradients, statistics and metrics goes between devices.
    ready, carry = many[0], many[0].start()
    weights = carry["state"].nets["g"].params["Dense_0"]["kernel"]
    assert weights.sharding.shard_shape(weights.shape)[0] == 2 // shape[0]
    source = data.open_source(settings.data, "train")
    batch = next(ready.batches(source, 0))
    text = (
        ready.at(0).step.lower(carry, ready.dataset(source), batch, ready.key).compile().as_text()
    )
    assert "all-gather" not in text
    assert "all-to-all" not in text


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("lanes") / "run"
    assert run(smoke("cgan_digits", *SHORT, "seeds=3"), workdir) == train.FINISHED
    return workdir


def test_each_lane_has_the_folder_of_a_run(together, tmp_path):
    alone = tmp_path / "alone"
    assert run(smoke("cgan_digits", *SHORT, "seed=1"), alone) == train.FINISHED
    lane = lane_folders.place(together, 1)
    lines = log_lines(lane)
    for one, two in zip(log_lines(alone), lines, strict=True):
        assert one.keys() == two.keys()
        for name in one:
            if "accuracy" not in name and "overfitting" not in name:
                assert two[name] == pytest.approx(one[name], abs=2e-3, rel=2e-3), name
    for folder, pattern in (("samples", "*.png"), ("evaluation", "*.json")):
        names = [sorted(p.name for p in (w / folder).glob(pattern)) for w in (alone, lane)]
        assert names[0] == names[1] != []
    result = json.loads(next((lane / "evaluation").glob("*.json")).read_text())
    assert result["made_by"]["seed"] == 1
    assert (lane / "samples.gif").exists()
    assert (
        len({(lane_folders.place(together, i) / "metrics.jsonl").read_text() for i in range(3)})
        == 3
    )


def test_a_lane_is_loaded_as_a_run_is(together, tmp_path):
    key = jax.random.key(1)
    gan = jaxgan.load(together, seed=2)
    images = gan.sample(key, 4)
    assert gan.config.seed == 2
    assert np.array_equal(images, jaxgan.load(together / "seed_2").sample(key, 4))
    assert not np.array_equal(images, jaxgan.load(together, seed=0).sample(key, 4))
    assert jaxgan.load(together, 8, seed=2).step == 8
    with pytest.raises(
        errors.UserError, match=r"holds 3 seeds; name the folder of one, such as .*seed_0"
    ):
        jaxgan.load(together)
    with pytest.raises(errors.UserError, match="not the folder of a run"):
        jaxgan.load(together, seed=3)
    out = tmp_path / "export"
    export.export(gan, together / "seed_2", out)
    assert np.array_equal(images, jaxgan.load(out).sample(key, 4))


def test_a_lane_is_evaluated_as_a_run_is(together):
    text = judge.evaluate(together / "seed_1", None, None, 20)
    assert text.startswith("step 12 (final): 20 generated samples")
    each = judge.evaluate(together, None, None, 20).split("\n\n")
    assert [part.splitlines()[0] for part in each] == ["seed_0", "seed_1", "seed_2"]
    assert each[1] == f"seed_1\n{text}"


def test_a_lane_is_no_run_to_go_on_with(together):
    settings = smoke("cgan_digits", *SHORT, "seed=1")
    with pytest.raises(errors.UserError, match=r"is one seed of the run in .*: go on with that"):
        run(settings, together / "seed_1")


def test_stopped_and_resumed_it_ends_in_the_same_bits(together, tmp_path, monkeypatch):
    settings = smoke("cgan_digits", *SHORT, "seeds=3")
    stop_at(monkeypatch, 7)
    assert run(settings, tmp_path / "run") == 75
    monkeypatch.undo()
    assert run(settings, tmp_path / "run") == train.FINISHED
    template = program.prepare(settings).template
    trees = [
        checkpoint.restore(w / "checkpoints", template).tree for w in (together, tmp_path / "run")
    ]
    assert same_bits(*trees)
    for seed in range(3):
        lines = [log_lines(lane_folders.place(w, seed)) for w in (together, tmp_path / "run")]
        assert lines[0] == lines[1]


@pytest.mark.parametrize("placement", ["device", "stream"])
def test_several_steps_in_one_dispatch_and_streamed_batches(together, tmp_path, placement):
    more = (f"data.placement={placement}", "steps_per_call=2", "seeds=3")
    settings = smoke("cgan_digits", *SHORT, *more)
    assert run(settings, tmp_path / "run") == train.FINISHED
    for seed in range(3):
        lines = [log_lines(lane_folders.place(w, seed)) for w in (together, tmp_path / "run")]
        assert lines[0] == lines[1]


def poison(monkeypatch, *which):
    """Makes lanes begin with an infinite weight."""
    start = program.Program.start

    def poisoned(self):
        carry = start(self)
        state = carry["state"]
        g = state.nets["g"]
        worse = jax.tree.map(lambda x: x.at[jnp.array(which)].set(jnp.inf), g.params)
        state = state.replace(nets={**state.nets, "g": g.replace(params=worse)})
        return jax.device_put(carry | {"state": state}, jax.tree.map(lambda x: x.sharding, carry))

    monkeypatch.setattr(program.Program, "start", poisoned)


def test_one_that_diverges_is_frozen_and_named_and_the_others_go_on(
    together, tmp_path, monkeypatch, capsys
):
    poison(monkeypatch, 2)  # not the middle one: each has its own record when they go on
    settings = smoke("cgan_digits", *SHORT, "seeds=3")
    stop_at(monkeypatch, 5)
    assert run(settings, tmp_path / "run") == 75
    stop_at(monkeypatch, -1)
    assert run(settings, tmp_path / "run") == train.FINISHED
    said = capsys.readouterr().err
    assert said.count("seed 2: stopped: non-finite loss or parameter of") == 1
    assert "the other seeds go on" in said
    for seed in (0, 1):
        lines = [log_lines(lane_folders.place(w, seed)) for w in (together, tmp_path / "run")]
        assert lines[0] == lines[1]
    lane = lane_folders.place(tmp_path / "run", 2)
    assert log_lines(lane) == [{"step": 1, "diverged": 1.0}]
    assert not (lane / "evaluation").exists()
    template = program.prepare(settings).template
    final = checkpoint.restore(tmp_path / "run" / "checkpoints", template).tree
    for name, net in final["state"].nets.items():
        start = program.prepare(settings).start()["state"].nets[name]
        frozen = jax.tree.map(lambda x, y: np.array_equal(x[2], y[2]), net.params, start.params)
        assert all(jax.tree.leaves(frozen)), "a frozen lane keeps the state that it had"


def test_what_arms_prepare_is_one_thing():
    first = {"image": np.arange(3.0)}
    assert lanes.alone([first, {"image": np.arange(3.0)}]) is first
    with pytest.raises(ValueError, match="side by side prepare it differently"):
        lanes.alone([first, {"image": np.arange(3.0)}, {"image": np.zeros(3)}])


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("seeds=0", "config.seeds must be at least 1"),
        ("parallel.mode=pmap", "need config.parallel.mode='jit'"),
        ("parallel.shard_parameters=True", "need config.parallel.shard_parameters=False"),
        ("health.on_nonfinite=rollback", "need config.health.on_nonfinite='stop' or 'skip'"),
        ("early_stopping.metric=d/loss", "need config.early_stopping.metric=''"),
        ("reduce_on_plateau.metric=d/loss", "need config.reduce_on_plateau.metric=''"),
        (f"seed={2**32 - 1}", "config.seeds reach to"),
    ],
)
def test_what_many_seeds_cannot_have(override, told):
    path = "experiments/gan_digits.py"
    with pytest.raises(errors.UserError, match=told):
        config.load(path, ["--config.seeds=2", f"--config.{override}"])


def test_the_plan_counts_all_lanes():
    one, two = (program.prepare(smoke("gan_digits", f"seeds={n}")) for n in (1, 2))
    step = one.template["state"].step
    assert two.bytes == 2 * one.bytes - step.size * step.dtype.itemsize
    assert files.amount(one.bytes) != files.amount(two.bytes)
