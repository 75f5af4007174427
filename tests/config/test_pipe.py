"""Configs: every field can be set, and what the config names is what runs (law 7)."""

import ast
import dataclasses
import importlib
import os
import sys

import jax
import jax.numpy as jnp
import optax
import pytest

from jaxgan import config as config_lib
from jaxgan import main
from jaxgan.adversarial import Common
from jaxgan.base import errors
from jaxgan.base.method import Method
from jaxgan.config import variants
from jaxgan.learning import optimizers
from jaxgan.methods.gan import GAN
from tests.conftest import EXPERIMENTS

DIGITS = str(EXPERIMENTS / "gan_digits.py")
NAMES = sorted(path.stem for path in EXPERIMENTS.glob("*.py"))


def load(*overrides, path=DIGITS):
    return config_lib.load(str(path), overrides)


def experiment(folder, *lines, name="mine"):
    """A copy of gan_digits whose config the lines change."""
    path = folder / f"{name}.py"
    text = (EXPERIMENTS / "gan_digits.py").read_text()
    body = "".join(f"    {line}\n" for line in lines)
    changed = text.replace("    return config\n", f"{body}    return config\n", 1)
    assert changed != text or not lines
    path.write_text(changed)
    return path


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("steps", "5", 5),
        ("steps", "1_000", 1000),
        ("seed", "0", 0),
        ("health.factor", "0.25", 0.25),
        ("health.factor", "1e-3", 1e-3),
        ("early_stopping.min_delta", "1", 1.0),
        ("log.tensorboard", "false", False),
        ("data.data_dir", "/data/with = sign/and space", "/data/with = sign/and space"),
        ("data.data_dir", "5", "5"),
        ("data.data_dir", "", ""),
        ("data.data_dir", "None", "None"),
        ("data.placement", "stream", "stream"),
        ("method.generator.batch_norm", "true", True),
        ("method.generator.batch_norm", "True", True),
        ("method.generator.batch_norm", "1", True),
        ("method.generator.features", "(64,64)", (64, 64)),
        ("method.generator.features", "[64, 64]", (64, 64)),
        ("method.generator.features", "64,64", (64, 64)),
        ("method.generator.features", "64", (64,)),
        ("method.generator.features", "()", ()),
        ("method.generator.output", "linear", "linear"),
        ("method.ema_decay", "0", 0.0),
        ("method.loss", "hinge", "hinge"),
        ("method.g_optimizer.learning_rate", "1e-3", 1e-3),
        ("method.g_optimizer.learning_rate", "1", 1.0),
        ("method.g_optimizer.nesterov", "true", True),
        ("method.g_optimizer.mu_dtype", "bfloat16", "bfloat16"),
        ("method.g_optimizer.mu_dtype", "None", None),
    ],
)
@pytest.mark.parametrize("form", ["--config.F=V", "--config.F V"])
def test_a_field_is_set(field, text, value, form):
    if form.endswith("=V"):
        config = load(f"--config.{field}={text}")
    else:
        config = load(f"--config.{field}", text)
    got = config_lib.get(config, field)
    assert (got, type(got)) == (value, type(value))


def test_both_forms_can_be_mixed_and_the_last_wins():
    config = load("--config.steps", "5", "--config.seed=3", "--config.steps=6")
    assert (config.steps, config.seed) == (6, 3)


def test_every_field_can_be_set():
    """Each one, to the value it has, by the text that the dry run would print."""
    config = load()
    fields = dict(config_lib.flatten(config))
    derived = {"method.shape"}
    again = load(
        *(f"--config.{key}={value}" for key, value in fields.items() if key not in derived)
    )
    assert dict(config_lib.flatten(again)) == fields
    # Of the method, its networks and its optimizers: nothing is left out.
    assert {f.name for f in dataclasses.fields(Common)} - set(variants.GIVEN) <= set(config.method)
    assert set(variants.fields(GAN)) | {"name"} == set(config.method)
    assert {"b1", "b2", "eps", "eps_root", "mu_dtype", "nesterov"} <= set(config.method.g_optimizer)
    assert set(config.method.generator) == {
        "name",
        "features",
        "batch_norm",
        "output",
        "kernel_std",
        "conditioning",
    }


def test_the_config_is_locked():
    config = load()
    with pytest.raises(AttributeError):
        config.stepz = 5
    with pytest.raises(AttributeError):
        config.method.g_optimizer.lr = 5
    with pytest.raises(TypeError):
        config.steps = "5"


def test_defaults_are_those_of_the_code():
    config = load()
    assert config.method.ema_decay == Common.ema_decay
    assert config.method.g_optimizer.b2 == 0.999
    assert config.method.shape == (8, 8, 1)
    assert config.method.generator.output == "tanh"


def test_the_experiment_overrides_defaults_and_the_command_line_both(tmp_path):
    path = experiment(tmp_path, "config.method.n_critic = 3", "config.seed = 9")
    assert load(path=path).method.n_critic == 3
    config = load("--config.method.n_critic=2", path=path)
    assert (config.method.n_critic, config.seed) == (2, 9)


def test_numbers_become_the_type_of_their_field(tmp_path):
    """An experiment may write 0 for 0.0; a later override is then still a float."""
    path = experiment(
        tmp_path,
        "config.health.factor = 0.5",
        "config.early_stopping.min_delta = 1",
        "config.method.techniques = {'label_smoothing': 0}",
        "config.method.g_optimizer.learning_rate = 1",
        "config.method.g_optimizer.b1 = 0",
        "config.method.generator.features = [8]",
    )
    config = load(path=path)
    assert type(config.early_stopping.min_delta) is float
    assert type(config.method.techniques.label_smoothing) is float
    assert type(config.method.g_optimizer.b1) is float
    assert config.method.generator.features == (8,)
    changed = load(
        "--config.method.techniques.label_smoothing=0.1",
        "--config.method.g_optimizer.learning_rate=1e-4",
        "--config.method.g_optimizer.b1=.5",
        path=path,
    )
    assert changed.method.techniques.label_smoothing == 0.1
    assert changed.method.g_optimizer.learning_rate == 1e-4
    assert changed.method.g_optimizer.b1 == 0.5


def test_another_network_brings_its_own_fields():
    config = load("--config.method.generator.name=dcgan", "--config.method.generator.width=8")
    assert config.method.generator.width == 8
    assert config.method.generator.kernel_size == 4
    assert "features" not in config.method.generator, "of the dense one"
    assert config.method.discriminator.name == "mlp"


def test_another_optimizer_brings_its_own_arguments():
    config = load(
        "--config.method.d_optimizer.name=rmsprop", "--config.method.d_optimizer.decay=.8"
    )
    part = config.method.d_optimizer
    assert (part.decay, part.learning_rate) == (0.8, 2e-4)
    assert part.momentum is None
    assert "b1" not in part
    assert config.method.g_optimizer.b1 == 0.5
    sgd = load("--config.method.d_optimizer.name=sgd", "--config.method.d_optimizer.momentum=.9")
    assert sgd.method.d_optimizer.momentum == 0.9
    adamw = load("--config.method.d_optimizer.name=adamw").method.d_optimizer
    assert "mask" not in adamw, "a function of the parameters, which no config can hold"


def test_defaults_of_the_name_before_are_not_kept():
    """AdaBelief's epsilon is not Adam's."""
    config = load("--config.method.g_optimizer.name=adabelief")
    assert config.method.g_optimizer.eps == 1e-16
    assert config.method.g_optimizer.b1 == 0.5, "set by the experiment, and known to both"


def test_another_method_brings_its_own_fields(tmp_path):
    (tmp_path / "other_method_of_test_config.py").write_text(
        "import dataclasses\n"
        "from typing import Any\n"
        "@dataclasses.dataclass(frozen=True)\n"
        "class Other:\n"
        "    generator: Any\n"
        "    weight: float = 10.0\n"
        "    sides: tuple[int, ...] = dataclasses.field(default_factory=lambda: (4, 8))\n"
        "    axis_name: str | None = None\n"
        "    def build(self): ...\n"
    )
    path = experiment(tmp_path, "config.method.n_critic = 3")
    config = load(
        "--config.method.name=other_method_of_test_config",
        "--config.method.weight=5",
        "--config.method.generator.batch_norm=true",
        path=path,
    )
    assert set(config.method) == {"name", "generator", "weight", "sides"}
    assert (config.method.weight, config.method.sides) == (5.0, (4, 8))
    assert config.method.generator.features == (256, 512)
    built = made(config)
    assert (built.weight, built.generator["batch_norm"]) == (5.0, True)


def test_what_lies_beside_the_experiment_comes_before_the_current_folder(tmp_path, monkeypatch):
    here, beside = tmp_path / "here", tmp_path / "beside"
    for folder in (here, beside):
        folder.mkdir()
        (folder / "twice_of_test_pipe.py").write_text(f"WHERE = {folder.name!r}\n")
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "path", ["", str(here), *sys.path])
    for _ in range(2):
        config_lib.reading.import_from(beside)
    assert importlib.import_module("twice_of_test_pipe").WHERE == "beside"
    assert sys.path.count(str(beside)) == 1


def test_a_schedule_from_the_command_line():
    prefix = "--config.method.g_optimizer.schedule"
    config = load(
        f"{prefix}.name=cosine_decay_schedule", f"{prefix}.init_value=1", f"{prefix}.decay_steps=10"
    )
    schedule = config.method.g_optimizer.schedule
    assert dict(schedule) == {
        "name": "cosine_decay_schedule",
        "init_value": 1,
        "decay_steps": 10,
        "alpha": 0.0,
        "exponent": 1.0,
    }
    assert config.method.d_optimizer.schedule.name == ""


def test_a_schedule_of_the_experiment_can_be_changed_and_left_out(tmp_path):
    path = experiment(
        tmp_path,
        "config.method.g_optimizer.schedule = ConfigDict("
        "{'name': 'linear_schedule', 'init_value': 1.0, 'end_value': 0.0, 'transition_steps': 9})",
    )
    prefix = "--config.method.g_optimizer.schedule"
    assert load(f"{prefix}.end_value=.5", path=path).method.g_optimizer.schedule.end_value == 0.5
    assert load(path=path).method.g_optimizer.schedule.transition_begin == 0
    assert dict(load(f"{prefix}.name=", path=path).method.g_optimizer.schedule) == {"name": ""}


def test_the_learning_rate_is_times_the_schedule():
    schedule = {"name": "piecewise_constant_schedule", "init_value": 1.0}
    # As the steps come back from JSON.
    schedule["boundaries_and_scales"] = {"2": 0.5}
    sgd = optimizers.build({"name": "sgd", "learning_rate": 0.1, "schedule": schedule})
    one, moved = jnp.ones(()), []
    state = sgd.init(one)
    for _ in range(4):
        update, state = sgd.update(one, state, one)
        moved.append(float(update))
    assert moved == pytest.approx([-0.1, -0.1, -0.05, -0.05])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Optax's own, of two of them
def test_every_optimizer_is_filled_in_as_optax_has_it():
    assert {"adam", "rmsprop", "sgd", "adamw", "lion", "radam"} <= set(optimizers.known())
    for name in optimizers.known():
        arguments = {"learning_rate": 1e-3} | ({"key": 0} if name == "noisy_sgd" else {})
        config = {"name": name, **arguments}
        full = config | optimizers.defaults(config)
        state = jax.eval_shape(optimizers.build(full).init, jnp.ones((2, 3)))
        plain = optimizers.known()[name](**arguments)
        assert state == jax.eval_shape(plain.init, jnp.ones((2, 3))), name


def test_every_schedule_that_a_config_can_hold_is_known():
    expected = {"exponential_decay", "cosine_decay_schedule", "warmup_cosine_decay_schedule"}
    assert expected <= set(optimizers.schedules())
    assert "join_schedules" not in optimizers.schedules()
    shape = optimizers.build_schedule(
        {"name": "exponential_decay", "init_value": 1.0, "transition_steps": 1, "decay_rate": 0.5}
    )
    assert float(shape(3)) == 0.125 == float(optax.exponential_decay(1.0, 1, 0.5)(3))


def made(config):
    """The variant of a completed config, with these values."""
    section = config_lib.plain(config.method)
    return variants.made(variants.find(section.pop("name")), section)


def test_what_is_named_is_what_runs():
    """Law 7: what is built holds the values of the config, defaults and overrides alike."""
    config = load(
        "--config.method.loss=hinge",
        "--config.method.latent_dim=7",
        "--config.method.generator.features=(5, 6)",
        "--config.method.d_optimizer.b2=.9",
    )
    built = made(config)
    common = built.common
    assert (common.loss, common.latent_dim, common.n_critic) == ("hinge", 7, 1)
    assert built.game.g.module.features == (5, 6)
    assert common.shape == (8, 8, 1)
    held = dataclasses.asdict(common)
    for name, value in config_lib.plain(config.method).items():
        if name != "name":
            assert held[name] == value


# Law 7 says "nearest valid key": a slip in any place is told with the right field.
@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("step", "steps"),
        ("Batch_Size", "batch_size"),
        ("method.lose", "method.loss"),
        ("method.latent_dims", "method.latent_dim"),
        ("method.generator.feature", "method.generator.features"),
        ("method.g_optimizer.lerning_rate", "method.g_optimizer.learning_rate"),
        ("latent_dim", "method.latent_dim"),
        ("data.nam", "data.name"),
        ("checkpoint.kep", "checkpoint.keep"),
    ],
)
def test_a_slip_names_the_nearest_field(slip, meant):
    with pytest.raises(errors.UserError) as caught:
        load(f"--config.{slip}=1")
    assert str(caught.value) == f"unknown config field {slip!r}; did you mean {meant!r}?"


def test_contradictions_are_listed_all_at_once():
    with pytest.raises(errors.UserError) as caught:
        load("--config.log.every=0", "--config.parallel.mode=pmpa", "--config.health.factor=2")
    assert str(caught.value) == (
        "config.parallel.mode must be one of jit, pmap, not 'pmpa'; "
        "config.log.every must be at least 1, not 0; "
        "config.health.factor must be between 0 and 1, not 2.0"
    )


@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_says_what_it_is(name):
    text = (EXPERIMENTS / f"{name}.py").read_text()
    doc = ast.get_docstring(ast.parse(text))
    summary, gap, *rest = doc.splitlines()
    assert summary.endswith(".")
    assert gap == ""
    rest = "\n".join(rest)
    command = f"python -m jaxgan.main --config=experiments/{name}.py --workdir="
    assert f"Command: {command}" in rest
    assert "arXiv:" in rest[rest.index("Paper: ") : rest.index("Command: ")]
    assert len(rest[rest.index("Expected: ") :]) > 20
    assert summary in main.listing()


@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_is_what_differs_from_its_base(name):
    path = EXPERIMENTS / f"{name}.py"
    text = path.read_text()
    about, *parts = ast.parse(text).body
    assert len(text.splitlines()) - about.end_lineno <= 36, "beside its docstring"
    get = next(part for part in parts if getattr(part, "name", "") == "get_config")
    first = next(part for part in get.body if isinstance(part, ast.Assign))
    module = config_lib.load_experiment(str(path))
    base = eval(ast.unparse(first.value), vars(module))
    if not ast.unparse(first.value).startswith("before."):  # another experiment
        assert "name" not in base.method, "the experiment says whose it is"
    assert config_lib.flatten(base) != config_lib.flatten(module.get_config())


@pytest.mark.parametrize("name", NAMES)
def test_a_smoke_run_is_small(name):
    config = config_lib.load_experiment(str(EXPERIMENTS / f"{name}.py")).get_smoke_config()
    assert config.steps * config.batch_size <= 1000
    assert max(config.sample.n, config.evaluation.n) <= 100
    every = [config[group].every for group in ("log", "sample", "checkpoint", "evaluation")]
    assert max(every) <= config.steps, "each of them happens"
    assert (config.evaluation.extractor, config.checkpoint.best) == ("none", ""), "nothing trained"
    groups = [(k, v) for k, v in config.method.items() if hasattr(v, "get") and "name" in v]
    networks = [group for name, group in groups if "optimizer" not in name]
    alone = config.method.get("adversarial") == 0 or config.method.name == "fast_style"
    assert len(networks) >= (1 if alone else 2)
    for network in networks:
        width = network.get("width") or max(network.get("widths") or network.features)
        assert min(width, network.get("max_width", width)) <= 16


def test_all_experiments_are_looked_at():
    assert len(NAMES) >= 8
    assert {"gan_digits", "dcgan_digits", "gan_ring", "gan_grid"} <= set(NAMES)


EMBEDDED = [name for name in NAMES if name.endswith(("_digits", "_ring", "_grid"))]


@pytest.mark.parametrize("function", ["get_config", "get_smoke_config"])
@pytest.mark.parametrize("name", EMBEDDED)
def test_an_experiment_resolves(name, function):
    resolves(name, function)


@pytest.mark.data
@pytest.mark.parametrize("function", ["get_config", "get_smoke_config"])
@pytest.mark.parametrize("name", sorted(set(NAMES) - set(EMBEDDED)))
def test_an_experiment_on_real_data_resolves(name, function):
    folder = os.environ.get("JAXGAN_TEST_DATA")
    if not folder:
        pytest.skip("JAXGAN_TEST_DATA is not set")
    prepared = os.path.join(folder, "tfds")
    path = str(EXPERIMENTS / f"{name}.py")
    dataset = config_lib.load_experiment(path).get_config().data.name
    if not os.path.isdir(os.path.join(prepared, dataset)):
        pytest.skip(f"{dataset} is not prepared there")
    resolves(name, function, f"--config.data.data_dir={prepared}")


def resolves(name, function, *overrides):
    path = str(EXPERIMENTS / f"{name}.py")
    config = config_lib.load(path, overrides, smoke=function == "get_smoke_config")
    assert config.method.name in variants.names()
    assert isinstance(config_lib.build(config), Method)
    assert tuple(made(config).common.shape) == tuple(config.method.shape)
