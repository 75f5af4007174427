"""Arms that differ in numbers, in one program: each lane is the run of its arm and its seed."""

import json

import jax
import numpy as np
import pytest

import jaxgan
from jaxgan import config, data, train
from jaxgan.base import errors
from jaxgan.run import checkpoint, judge, lane_folders, lanes, program
from tests.conftest import METHODS, experiment_of, log_lines, run, same_bits, smoke, stop_at
from tests.run.test_lanes import after, distance, seeded
from tests.test_laws import sgd

pytestmark = pytest.mark.usefixtures("quick_classifier")
RATES = ("method.{}.learning_rate=1e-3", "method.{}.learning_rate=7e-3")
FLAG = "techniques.feature_matching_alone"
SHORT = ("steps=12", "log.every=4", "checkpoint.every=4", "sample.every=6", "evaluation.every=6")


def armed(settings, arms):
    settings = settings.copy_and_resolve_references()
    with settings.unlocked():
        settings.arms = tuple(arms)
    return settings


def optimizer(settings):
    """A field that every method has one of."""
    return next(name for name in settings.method if name.endswith("optimizer"))


@pytest.mark.parametrize(
    "method", [pytest.param(m, marks=() if m == "gan" else pytest.mark.slow) for m in METHODS]
)
def test_a_lane_is_the_run_of_its_arm_and_seed(method):
    settings = sgd(smoke(experiment_of(method)))
    rates = [each.format(optimizer(settings)) for each in RATES]
    ready, (carry,) = after(armed(seeded(settings, 3, 2), rates), 5)
    assert ready.seeds == [3, 4, 3, 4]
    ends = [lanes.take(carry, lane, ready.devices) for lane in range(4)]
    for lane in (1, 2):
        alone = after(ready.configs[lane], 5)[1][0]
        assert distance(ends[lane], alone) < 1e-5
    assert distance(ends[0], ends[2]) > 1e-5


@pytest.mark.parametrize(
    ("experiment", "fields"),
    [
        ("gan_digits", ("techniques.r1=0.1 techniques.r2=0.3", "techniques.r1=2 techniques.r2=1")),
        ("gan_digits", ("g_optimizer.b1=0.1 d_optimizer.b2=0.9", "g_optimizer.learning_rate=1e-3")),
        ("dcgan_digits", ("techniques.gradient_penalty=1", "techniques.gradient_penalty=20")),
        ("gan_digits", ("generator.kernel_std=0.01", "generator.kernel_std=0.3")),
    ],
)
def test_numbers_of_losses_optimizers_and_initialization(experiment, fields):
    settings = smoke(experiment)
    arms = [" ".join(f"method.{field}" for field in arm.split()) for arm in fields]
    ready, (carry,) = after(armed(settings, arms), 3)
    for lane in range(2):
        alone = after(ready.configs[lane], 3)[1][0]
        assert distance(lanes.take(carry, lane, ready.devices), alone) < 1e-4


def test_a_lane_is_looked_at_by_the_method_of_its_arm():
    settings = seeded(smoke("gan_digits"), 0, 2)
    arms = [each.format("g_optimizer") for each in RATES]
    ready = program.assemble(armed(settings, arms), data.Splits(settings.data).spec())
    first, second = ready.arms
    assert [lane.method for lane in ready.lanes] == [first, first, second, second]
    looked = [lane.at(0).method for lane in ready.lanes]
    assert looked == [first, first, second, second]
    rates = [lane.config.method.g_optimizer.learning_rate for lane in ready.lanes]
    assert rates == [1e-3, 1e-3, 7e-3, 7e-3]


def test_arms_on_devices_exchange_nothing():
    settings = armed(
        seeded(sgd(smoke("gan_digits")), 0, 2), [each.format("g_optimizer") for each in RATES]
    )
    (_, one), (ready, four) = (after(settings, 4, devices=n) for n in (1, 4))
    assert dict(ready.devices.mesh.shape) == {"lanes": 4, "data": 1}
    assert distance(one[0], four[0]) < 1e-5


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("arms") / "run"
    arms = [each.format("d_optimizer") for each in RATES]
    assert run(armed(smoke("cgan_digits", *SHORT, "seeds=2"), arms), workdir) == train.FINISHED
    return workdir


def test_each_lane_has_the_folder_of_a_run(together, tmp_path):
    places = lane_folders.read(together)
    names = [str(place.relative_to(together)) for place in places]
    assert names == [f"arm_{a}/seed_{s}" for a in range(2) for s in range(2)]
    settings = smoke("cgan_digits", *SHORT, "seed=1", "method.d_optimizer.learning_rate=7e-3")
    alone = tmp_path / "alone"
    assert run(settings, alone) == train.FINISHED
    for one, two in zip(log_lines(alone), log_lines(places[3]), strict=True):
        assert one.keys() == two.keys()
        for name in one:
            if "accuracy" not in name and "overfitting" not in name:
                assert two[name] == pytest.approx(one[name], abs=2e-3, rel=2e-3), name
    gan = jaxgan.load(places[3])
    assert gan.config.method.d_optimizer.learning_rate == 7e-3
    assert gan.config.arms == ()
    assert lane_folders.find(places[3]) == (3, 4)
    images = gan.sample(jax.random.key(0), 4)
    assert np.array_equal(
        images, jaxgan.load(together / "arm_1", seed=1).sample(jax.random.key(0), 4)
    )
    of_other_arm = jaxgan.load(places[1]).sample(jax.random.key(0), 4)
    assert not np.array_equal(images, of_other_arm)
    result = json.loads(next((places[3] / "evaluation").glob("*.json")).read_text())
    assert result["made_by"]["seed"] == 1
    each = judge.evaluate(together, None, None, 20).split("\n\n")
    assert [part.splitlines()[0] for part in each] == names
    with pytest.raises(errors.UserError, match=r"holds 4 runs; name .* such as .*arm_0/seed_0"):
        jaxgan.load(together)
    with pytest.raises(errors.UserError, match=rf"is one seed of the run in {together}"):
        run(gan.config, places[3])


def test_arms_resume_to_the_bit(together, tmp_path, monkeypatch):
    arms = [each.format("d_optimizer") for each in RATES]
    settings = armed(smoke("cgan_digits", *SHORT, "seeds=2"), arms)
    stop_at(monkeypatch, 7)
    assert run(settings, tmp_path / "run") == 75
    monkeypatch.undo()
    assert run(settings, tmp_path / "run") == train.FINISHED
    template = program.prepare(settings).template
    trees = [
        checkpoint.restore(w / "checkpoints", template).tree for w in (together, tmp_path / "run")
    ]
    assert same_bits(*trees)


@pytest.mark.parametrize(
    ("arms", "told"),
    [
        ("method.loss=hinge,method.loss=minimax", "method.loss is no number"),
        (f"method.{FLAG}=True,method.{FLAG}=False", f"{FLAG} is no number"),
        ("steps=3,steps=4", "'steps=3' is not method.FIELD=NUMBER"),
        ("method.d_optimizer.learning_rate=1e-3", "one arm is none"),
        ("method.rate=1,method.rate=2", "unknown config field 'method.rate'"),
    ],
)
def test_what_no_arm_can_set(arms, told):
    with pytest.raises(errors.UserError, match=told):
        config.load("experiments/gan_digits.py", [f"--config.arms={arms}"], smoke=True)


def test_arms_that_differ_in_more_than_numbers():
    settings = armed(smoke("gan_digits"), ("method.techniques.r1=0", "method.techniques.r1=1"))
    with pytest.raises(errors.UserError, match=r"arms differ in more than numbers .*apart"):
        program.prepare(settings)
    settings = armed(smoke("gan_digits"), ("method.n_critic=1", "method.n_critic=2"))
    with pytest.raises(errors.UserError, match=r"arms differ in more than numbers"):
        program.prepare(settings)
