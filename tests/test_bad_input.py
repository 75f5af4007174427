"""Bad input: one clear line, a non-zero exit, nothing written, nothing compiled, in seconds.

The tables are the test. Each row is a name, what is wrong, and what the one line must say of it.
``{here}`` stands for the folder of files that the fixture of that name makes, ``{run}`` for a
finished run, ``{copy}`` for a copy of it that was spoiled, ``{more}`` for one device too many.
"""

import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
from PIL import Image

from jaxgan import main
from jaxgan.base import parallel
from jaxgan.run import run_folder
from tests.conftest import EXPERIMENTS, quickly
from tests.test_main import DIGITS, command, everything, tiny_run  # noqa: F401

DCGAN = f"--config={EXPERIMENTS}/dcgan_digits.py"
NEW = "--workdir={here}/new"
SECONDS = 5

# One field of a good command line.
OVERRIDES = [
    # Names that are not there.
    ("unknown field", "stepz=5", "unknown config field 'stepz'; did you mean 'steps'?"),
    ("unknown nested", "data.nmae=x", "'data.nmae'; did you mean 'data.name'?"),
    ("unknown group", "chekpoint.keep=1", "did you mean 'checkpoint.keep'?"),
    ("unknown in method", "method.laten_dim=4", "did you mean 'method.latent_dim'?"),
    (
        "unknown in network",
        "method.generator.featurs=4",
        "did you mean 'method.generator.features'?",
    ),
    ("unknown in optimizer", "method.g_optimizer.lr=1", "config field 'method.g_optimizer.lr'"),
    ("a group", "data=digits", "config.data is a group; set one of bad_images, channels"),
    ("inside a value", "steps.x=1", "unknown config field 'steps.x'; did you mean 'steps'?"),
    ("unknown method", "method.name=GANN", "unknown method 'GANN'; did you mean 'gan'?"),
    ("no method", "method.name=", "unknown method ''; known: "),
    ("unknown network", "method.generator.name=dcgam", "network 'dcgam'; did you mean 'dcgan'?"),
    ("unknown optimizer", "method.g_optimizer.name=adamm", "optimizer 'adamm'; did you mean 'adam"),
    ("no optimizer", "method.g_optimizer.name=scale_by_learning_rate", "unknown optimizer"),
    (
        "unknown schedule",
        "method.d_optimizer.schedule.name=cosine_schedule",
        "unknown schedule 'cosine_schedule'; did you mean '",
    ),
    ("unknown loss", "method.loss=hing", "unknown loss 'hing'; did you mean 'hinge'"),
    ("unknown dataset", "data.name=digit", "unknown dataset 'digit'; did you mean 'digits'?"),
    ("unknown TFDS", "data.name=fashion_mnits", "did you mean 'fashion_mnist'?"),
    ("unknown split", "data.split=trian", "no split 'trian'; it has: train, test"),
    ("unknown test split", "data.test_split=val", "no split 'val'; it has: train, test"),
    (
        "best of nothing",
        "checkpoint.best=d/los",
        "config.checkpoint.best 'd/los'; did you mean 'd/l",
    ),
    ("stop at nothing", "early_stopping.metric=fid", "unknown metric in config.early_stopping"),
    ("plateau of nothing", "reduce_on_plateau.metric=loss", "did you mean 'g/loss'?"),
    # Types.
    ("text for int", "steps=many", "config.steps must be of type int, not 'many'"),
    ("float for int", "steps=1e3", "config.steps must be of type int, not 1000.0"),
    ("bool for int", "steps=True", "config.steps must be of type int, not True"),
    ("none for int", "steps=None", "config.steps must be of type int, not None"),
    ("nothing for int", "steps=", "config.steps must be of type int, not ''"),
    ("text for float", "health.factor=half", "config.health.factor must be of type float"),
    ("bool for float", "health.factor=True", "health.factor must be of type float, not True"),
    ("nan for float", "method.ema_decay=nan", "method.ema_decay must be of type float, not 'nan'"),
    ("text for bool", "log.tensorboard=maybe", "log.tensorboard must be of type bool, not 'maybe'"),
    (
        "text for list",
        "method.generator.features=wide",
        "must be of type list of values, not 'wide'",
    ),
    ("float in list", "method.generator.features=(8,8.5)", "must be of type list of values"),
    (
        "rate of an optimizer",
        "method.g_optimizer.learning_rate=fast",
        "learning_rate must be of type",
    ),
    # Values.
    ("mode", "parallel.mode=pmpa", "config.parallel.mode must be one of jit, pmap, not 'pmpa'"),
    ("placement", "data.placement=gpu", "placement must be one of device, stream, not 'gpu'"),
    ("bad images", "data.bad_images=drop", "bad_images must be one of error, skip, not 'drop'"),
    ("best mode", "checkpoint.best_mode=high", "best_mode must be one of min, max, not 'high'"),
    ("health", "health.on_nonfinite=mask", "must be one of stop, rollback, skip, not 'mask'"),
    ("negative steps", "steps=-5", "config.steps must be at least 1, not -5"),
    ("steps beyond int32", "steps=3_000_000_000", "config.steps must be at most 2147483647"),
    ("negative seed", "seed=-1", "config.seed must be at least 0, not -1"),
    ("seed beyond uint32", "seed=4294967296", "config.seed must be at most 4294967295"),
    ("no batch", "batch_size=0", "config.batch_size must be at least 1, not 0"),
    ("never logged", "log.every=0", "config.log.every must be at least 1, not 0"),
    ("nothing kept", "checkpoint.keep=0", "config.checkpoint.keep must be at least 1, not 0"),
    ("factor above one", "reduce_on_plateau.factor=2", "factor must be between 0 and 1, not 2.0"),
    ("negative rate", "method.d_optimizer.learning_rate=-1e-4", "at least 0, not -0.0001"),
    ("infinite rate", "method.d_optimizer.learning_rate=1e999", "at least 0, not inf"),
    ("no critic", "method.n_critic=0", "n_critic must be at least 1"),
    ("decay above one", "method.ema_decay=2", "ema_decay must be in [0, 1)"),
    ("no latent", "method.latent_dim=0", "latent_dim and n_critic must be at least 1"),
    (
        "negative size",
        "data.image_size=-1",
        "data.image_size is -1; it must be 0 (as stored) or more",
    ),
    ("two channels", "data.channels=2", "data.channels is 2; it must be 0 (as stored), 1 or 3"),
    (
        "output of the dense network",
        "method.generator.output=relu",
        "output must be one of tanh, lin",
    ),
    ("dtype", "method.g_optimizer.mu_dtype=float99", "float99"),
    (
        "a schedule without its steps",
        "method.g_optimizer.schedule.name=cosine_decay_schedule",
        "schedule 'cosine_decay_schedule' needs init_value, decay_steps",
    ),
    ("unknown extractor", "evaluation.extractor=vgg", "must be one of none, domain, inception"),
    ("unknown metric", "evaluation.metrics=fdi", "config.evaluation.metrics 'fdi'"),
    ("metric without features", "evaluation.metrics=kid", "'kid' needs config.evaluation."),
    ("metric without labels", "evaluation.metrics=conditional_accuracy", "accuracy' needs"),
    ("Inception without weights", "evaluation.extractor=inception", "config.evaluation.weights"),
    ("weights of nothing", "evaluation.weights=x.npz", "is for evaluation.extractor='inception'"),
    ("unknown resize", "evaluation.resize=pil", "must be one of tf1, antialiased, not 'pil'"),
    ("one sample to evaluate", "evaluation.n=1", "evaluation.n must be at least 2, not 1"),
    ("an alarm above one", "alarms.collapse=2", "alarms.collapse must be in [0, 1), not 2.0"),
    ("too many devices", "parallel.devices={more}", "config.parallel.devices is {more}, but there"),
    ("no folder", "data.name=folder", "dataset 'folder' needs data.data_dir"),
]

# Fields that have to be set together.
COMBINATIONS = [
    (
        "smoothing a critic",
        ["method.loss=wasserstein", "method.techniques.label_smoothing=.1"],
        "label_smoothing needs a loss with labels",
    ),
    (
        "smoothing a hinge",
        ["method.loss=hinge", "method.techniques.label_smoothing=.1"],
        "label_smoothing needs a loss with labels",
    ),
    ("points resized", ["data.name=ring", "data.image_size=8"], "dataset 'ring' is points"),
    (
        "unprepared",
        ["data.name=mnist", "data.data_dir={here}/empty"],
        "dataset 'mnist' is not prepared in {here}/empty; prepare it with: "
        "pip install 'jaxgan[tf]' && python -m jaxgan.data.prepare mnist --data_dir={here}/empty",
    ),
    (
        "evaluation never",
        ["evaluation.every=0", "checkpoint.best=eval/sliced_wasserstein"],
        "unknown metric in config.checkpoint.best 'eval/sliced_wasserstein'",
    ),
    (
        "ranked by steps that are not saved",
        [
            "evaluation.every=5",
            "checkpoint.every=10",
            "checkpoint.best=eval/sliced_wasserstein",
        ],
        "evaluation.every 5 must be a multiple of checkpoint.every 10",
    ),
    (
        "features of points",
        ["data.name=ring", "evaluation.extractor=domain"],
        "looks at images, and ring has points",
    ),
    (
        "a classifier without labels",
        ["data.name=npz", "data.data_dir={here}/wide.npz", "evaluation.extractor=domain"],
        "has no labels to train it on",
    ),
    (
        "weights that are not",
        ["evaluation.extractor=inception", "evaluation.weights={here}/a_file"],
        "config.evaluation.weights: ",
    ),
    (
        "weights that are not there",
        ["evaluation.extractor=inception", "evaluation.weights={here}/gone.npz"],
        "config.evaluation.weights: ",
    ),
    (
        "missing folder",
        ["data.name=folder", "data.data_dir={here}/gone"],
        "no folder '{here}/gone'",
    ),
    ("empty folder", ["data.name=folder", "data.data_dir={here}/empty"], "no images in the folder"),
    (
        "a file for a folder",
        ["data.name=folder", "data.data_dir={here}/a_file"],
        "there is no folder",
    ),
    (
        "unreadable image",
        ["data.name=folder", "data.data_dir={here}/unreadable"],
        "cannot read the image {here}/unreadable/train/0.png: ",
    ),
    (
        "sizes that differ",
        ["data.name=folder", "data.data_dir={here}/differ"],
        "set data.image_size to make them equal",
    ),
    (
        "too few to test",
        ["data.name=folder", "data.data_dir={here}/few"],
        "has only 1 samples in its split 'test', too few to evaluate on",
    ),
    (
        "missing npz",
        ["data.name=npz", "data.data_dir={here}/gone.npz"],
        "no file '{here}/gone.npz'",
    ),
    ("text for npz", ["data.name=npz", "data.data_dir={here}/text.npz"], "is not a readable .npz"),
    ("keys of npz", ["data.name=npz", "data.data_dir={here}/keys.npz"], "it has: pictures"),
    ("float64 npz", ["data.name=npz", "data.data_dir={here}/doubles.npz"], "is float64; it needs"),
    (
        "flat npz",
        ["data.name=npz", "data.data_dir={here}/flat.npz"],
        "has shape [100, 64]; it needs",
    ),
    ("labels of npz", ["data.name=npz", "data.data_dir={here}/labels.npz"], "but 'labels' has 3"),
]

# Sizes that DCGAN cannot make.
SIZES = [
    ("too small", ["data.image_size=4"], "of 8 to 128 pixels, not [4, 4, 1]; set data.image_size"),
    ("too large", ["data.image_size=256"], "of 8 to 128 pixels, not [256, 256, 1]"),
    ("not square", ["data.name=npz", "data.data_dir={here}/wide.npz"], "not [8, 12, 1]"),
    ("points", ["data.name=ring"], "not [2]"),
]

# Whole command lines.
COMMANDS = [
    ("no workdir", [DIGITS], "--workdir=DIR is missing"),
    ("empty workdir", [DIGITS, "--workdir="], "--workdir=DIR is missing"),
    ("no config", [NEW], "--config=experiments/NAME.py is missing"),
    ("empty config", ["--config=", NEW], "--config=experiments/NAME.py is missing"),
    ("dry run of nothing", ["--dry_run"], "--config=experiments/NAME.py is missing"),
    ("quick without a slice", [DIGITS, "--dry_run", "--quick"], "--quick is for --topology"),
    ("a slice to train on", [DIGITS, NEW, "--topology=v5e:2x4"], "--topology is for --dry_run"),
    (
        "a slice to sample on",
        ["--mode=sample", "--workdir={run}", "--topology=v5e:2x4"],
        "--topology is for --mode=train, not --mode=sample",
    ),
    (
        "unknown TPU",
        [DIGITS, "--dry_run", "--topology=v9:2x4"],
        "unknown topology 'v9:2x4'; there are v4:1x1x1, 2x2x1",
    ),
    ("too many TPUs", [DIGITS, "--dry_run", "--topology=v6e:32x16"], "has 512 chips, and at most"),
    ("overrides of nothing", ["--config.steps=5"], "--config=experiments/NAME.py is missing"),
    ("unknown flag", [DIGITS, NEW, "--mod=train"], "unknown flag --mod; did you mean --mode?"),
    ("a field as a flag", [DIGITS, NEW, "--steps=5"], "set by --config.FIELD=VALUE"),
    ("a word", [DIGITS, NEW, "train"], "unknown argument 'train'"),
    ("field without value", [DIGITS, NEW, "--config.steps"], "--config.steps needs a value"),
    ("unknown mode", [DIGITS, NEW, "--mode=trian"], "'trian' (choose from"),
    ("text for a flag", [DIGITS, NEW, "--n=few"], "argument --n: invalid int value: 'few'"),
    ("seed of the samples", [DIGITS, NEW, "--seed=3"], "that of the run is --config.seed"),
    (
        "step in training",
        [DIGITS, NEW, "--step=0"],
        "--step is for --mode=evaluate or --mode=sample or --mode=translate or --mode=export",
    ),
    ("no step of that name", ["--mode=sample", "--workdir={run}", "--step=last"], "not 'last'"),
    ("unknown experiment", [f"{DIGITS[:-4]}.py", NEW], "did you mean {experiments}/gan_digits.py?"),
    ("half a path", ["--config=gan_digit", NEW], "did you mean experiments/gan_digits.py?"),
    ("no such place", ["--config=/nowhere/zzz.py", NEW], "unknown experiment '/nowhere/zzz.py'"),
    ("no Python", ["--config={here}/a_file", NEW], "a_file is not a Python file"),
    ("syntax error", ["--config={here}/syntax.py", NEW], "syntax.py, line 2)"),
    ("no get_config", ["--config={here}/empty.py", NEW], "empty.py has no get_config()"),
    (
        "no smoke config",
        ["--config={here}/no_smoke.py", NEW, "--smoke"],
        "has no get_smoke_config()",
    ),
    (
        "import error",
        ["--config={here}/imports.py", NEW],
        "No module named 'jaxgam' (imports.py, l",
    ),
    (
        "raises",
        ["--config={here}/raises.py", NEW],
        "ZeroDivisionError: division by zero (raises.py, l",
    ),
    (
        "returns nothing",
        ["--config={here}/nothing.py", NEW],
        "must return a ConfigDict, not NoneType",
    ),
    ("no data", [f"--config={EXPERIMENTS}/dcgan_cifar10.py", NEW], "jaxgan.data.prepare cifar10"),
    # Where the run is to be.
    (
        "workdir is a file",
        [DIGITS, "--workdir={here}/a_file"],
        "cannot write to workdir {here}/a_f",
    ),
    ("a bucket", [DIGITS, "--workdir=gs://bucket/run"], "gs://bucket/run is an address, not a fol"),
    (
        "evaluate a bucket",
        ["--mode=evaluate", "--workdir=s3://bucket/run"],
        "copy from there",
    ),
    (
        "samples in a bucket",
        ["--mode=sample", "--workdir={run}", "--out=gs://bucket/x.png"],
        "gs://bucket/x.png is an address",
    ),
    ("workdir in a file", [DIGITS, "--workdir={here}/a_file/run"], "Not a directory"),
    (
        "workdir in /proc",
        [DIGITS, "--workdir=/proc/jaxgan_run"],
        "cannot write to workdir /proc/jax",
    ),
    # Using a run that is not there.
    ("sample nothing", ["--mode=sample", NEW], "is not the folder of a run: no config.json"),
    ("evaluate nothing", ["--mode=evaluate", "--workdir={here}/empty"], "not the folder of a run"),
    ("a line break", ["--mode=sample", "--workdir={here}/a\nb"], "a b is not the folder of a run"),
    ("sample without workdir", ["--mode=sample"], "--workdir=DIR is missing"),
    ("no step", ["--mode=sample", "--workdir={run}", "--step=7"], "no checkpoint of step 7 in"),
    ("all at once", ["--mode=sample", "--workdir={run}", "--step=all"], "are of one step"),
    ("none ranked", ["--mode=evaluate", "--workdir={run}", "--step=best"], "was ranked: train"),
    ("export nowhere", ["--mode=export", "--workdir={run}"], "--out=DIR is missing"),
    (
        "export there",
        ["--mode=export", "--workdir={run}", "--out={here}/empty"],
        "is there already",
    ),
    ("one sample", ["--mode=evaluate", "--workdir={run}", "--n=1"], "at least 2, not 1"),
    ("no step either", ["--mode=evaluate", "--workdir={run}", "--step=7"], "have 10, 20"),
    ("no ending", ["--mode=sample", "--workdir={run}", "--out={here}/x.jpg"], ".npz, not 'x.jpg'"),
    ("no place", ["--mode=sample", "--workdir={run}", "--out={here}/a_file/x.png"], "cannot write"),
    ("no samples", ["--mode=sample", "--workdir={run}", "--n=0"], "at least 1, not 0"),
    (
        "no such key",
        ["--mode=sample", "--workdir={run}", "--seed=-1"],
        "at least 0 and less than 2**32",
    ),
    ("labels", ["--mode=sample", "--workdir={run}", "--label=3"], "unknown flag --label"),
    (
        "overrides of a run",
        ["--mode=sample", "--workdir={run}", "--config.method.ema_decay=0"],
        "--config=experiments/NAME.py is missing",
    ),
    (
        "sampling another config",
        [DIGITS, "--smoke", "--mode=sample", "--workdir={run}", "--config.method.ema_decay=0"],
        "has another config: method.ema_decay was 0.999, now 0.0",
    ),
    (
        "resuming another config",
        [
            DIGITS,
            "--smoke",
            "--workdir={run}",
            "--config.batch_size=32",
            "--config.method.loss=hinge",
        ],
        "has another config: batch_size was 16, now 32; "
        "method.loss was 'non_saturating', now 'hinge'; take another workdir",
    ),
]

# A line in an experiment's get_config(), see `EXPERIMENT`.
EXPERIMENT_LINES = [
    (
        "refused by ConfigDict",
        "config.steps = '5'",
        "get_config(): Could not override field 'steps'",
    ),
    ("new field", "fields['stepz'] = 5", "unknown config field 'stepz'; did you mean 'steps'?"),
    ("text", "fields['steps'] = '5'", "config.steps must be of type int, not '5'"),
    ("float", "fields['steps'] = 5.0", "config.steps must be of type int, not 5.0"),
    ("bool", "fields['batch_size'] = True", "config.batch_size must be of type int, not True"),
    ("none", "fields['steps'] = None", "config.steps must be of type int, not None"),
    (
        "value for a group",
        "fields['data'] = 'digits'",
        "config field 'data'; did you mean 'data.pad'?",
    ),
    ("group for a value", "fields['steps'] = {'n': 5}", "field 'steps.n'; did you mean 'steps'?"),
    ("method as a name", "fields['method'] = 'gan'", "'method'; did you mean 'method.name'?"),
    ("no method", "fields['method'] = {}", "config.method.name is not set; known: "),
    ("number for a name", "method['name'] = 3", "unknown method '3'; known: "),
    (
        "field of the method",
        "method['los'] = 'hinge'",
        "field of method 'gan' 'los'; did you mean 'lo",
    ),
    ("text in the method", "method['latent_dim'] = '64'", "method.latent_dim must be of type int"),
    (
        "float in the method",
        "method['n_critic'] = 2.0",
        "config.method.n_critic must be of type int",
    ),
    ("list in the method", "method['loss'] = ['hinge']", "config.method.loss must be of type str"),
    (
        "what parallel sets",
        "method['axis_name'] = 'data'",
        "field of method 'gan' 'axis_name'; known",
    ),
    (
        "another shape",
        "method['shape'] = (9, 9, 1)",
        "config.method.shape is (9, 9, 1), but digits has",
    ),
    (
        "no generator",
        "del method['generator']",
        "method 'gan' needs config.method.generator",
    ),
    (
        "unnamed network",
        "method['generator'] = {}",
        "generator needs a name, e.g. {'name': 'dcgan'}",
    ),
    (
        "network as a name",
        "method['generator'] = 'mlp'",
        "method.generator must be of type group, not 'mlp'; did you mean {'name': 'mlp'}?",
    ),
    (
        "field of a network",
        "generator['depth'] = 3",
        "field of the generator 'mlp' 'depth'; known: ",
    ),
    (
        "type in a network",
        "generator['features'] = 8",
        "generator.features must be of type list of v",
    ),
    (
        "shape of a network",
        "generator['shape'] = (8,)",
        "shape of the generator is set by the method",
    ),
    (
        "unnamed optimizer",
        "method['g_optimizer'] = {}",
        "an optimizer needs a name, e.g. {'name': ",
    ),
    (
        "optimizer as a name",
        "method['g_optimizer'] = 'adam'",
        "method.g_optimizer must be of type group, not 'adam'; did you mean {'name': 'adam'}?",
    ),
    ("no rate", "optimizer['learning_rate'] = None", "optimizer 'adam' needs a learning_rate"),
    ("rate as text", "optimizer['learning_rate'] = '1e-4'", "a number of at least 0, not '1e-4'"),
    (
        "beta as text",
        "optimizer['b1'] = '0.5'",
        "config.method.g_optimizer.b1 must be of type float",
    ),
    (
        "argument",
        "optimizer['beta'] = 0.5",
        "argument of optimizer 'adam' 'beta'; known: b1, b2, eps",
    ),
    (
        "unnamed schedule",
        "optimizer['schedule'] = {'decay_steps': 5}",
        "unknown schedule ''; known: ",
    ),
    (
        "argument of a schedule",
        "optimizer['schedule'] = {'name': 'constant_schedule', 'valu': 1.0}",
        "argument of schedule 'constant_schedule' 'valu'; did you mean 'value'?",
    ),
]

EXPERIMENT = f"""from jaxgan import config as base

def get_config():
    config = base.load_experiment({str(EXPERIMENTS / "gan_digits.py")!r}).get_smoke_config()
    # A plain dictionary: a ConfigDict refuses most wrong types itself.
    fields = config.to_dict()
    method = fields["method"]
    generator, optimizer = method["generator"], method["g_optimizer"]
    LINE
    return fields
"""

# A method from outside the package.
METHODS = [
    ("missing", "gone_method", "unknown method 'gone_method'; known: "),
    (
        "two in a module",
        "two_methods",
        "'two_methods' must define one method (a dataclass with build), found 2: A, B",
    ),
    ("none in a module", "no_methods", "found 0"),
    (
        "broken module",
        "broken_method",
        "'broken_method' cannot be imported: No module named 'jaxgam' (",
    ),
    ("refusing", "refusing_method", "method 'refusing_method': sides must be even, not 3"),
]

METHOD_FILES = {
    "two_methods": "@dataclasses.dataclass(frozen=True)\nclass A(GAN): ...\n"
    "@dataclasses.dataclass(frozen=True)\nclass B(GAN): ...\n",
    "no_methods": "",
    "broken_method": "import jaxgam\n",
    "failing_method": "x = 1 / 0\n",
    "refusing_method": "@dataclasses.dataclass(frozen=True)\nclass A(GAN):\n    sides: int = 3\n"
    "    def __post_init__(self):\n"
    "        raise ValueError(f'sides must be even,\\n  not {self.sides}')\n",
    "asserting_method": "@dataclasses.dataclass(frozen=True)\nclass A(GAN):\n    sides: int = 0\n"
    "    def __post_init__(self):\n        assert self.sides, 'no sides'\n",
    "labelled_method": "@dataclasses.dataclass(frozen=True)\nclass A(GAN):\n"
    "    num_classes: int = 0\n",
}


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The folder of files that the tables speak of."""
    folder = tmp_path_factory.mktemp("here")
    (folder / "a_file").write_text("no folder")
    (folder / "empty").mkdir()
    experiments(folder)
    image_folders(folder)
    arrays(folder)
    return folder


def experiments(folder):
    """Experiment files and modules with methods, most of them wrong."""
    files = {
        "plain": EXPERIMENT.replace("LINE", "pass"),
        "empty": "",
        "syntax": "def get_config():\n    return (\n",
        "imports": "import jaxgam\n",
        "raises": "def get_config():\n    return 1 / 0\n",
        "nothing": "def get_config():\n    pass\n",
        "no_smoke": "def get_config():\n    pass\n",
    }
    for name, line, _ in EXPERIMENT_LINES:
        files[f"line_{name}"] = EXPERIMENT.replace("LINE", line)
    for name, text in METHOD_FILES.items():
        files[name] = f"import dataclasses\nfrom jaxgan.methods.gan import GAN\n\n\n{text}"
    for name, text in files.items():
        (folder / f"{name.replace(' ', '_')}.py").write_text(text)


def image_folders(folder):
    """Folders of 8x8 images, eight to train and five to test."""
    rng = np.random.default_rng(0)
    for kind in ("good", "unreadable", "truncated", "differ", "few"):
        for split, count in {"train": 8, "test": 1 if kind == "few" else 5}.items():
            (folder / kind / split).mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 256, (8, 8), np.uint8)
                Image.fromarray(pixels).save(folder / kind / split / f"{i}.png")
    (folder / "unreadable/train/0.png").write_text("no image")
    whole = (folder / "truncated/train/0.png").read_bytes()
    (folder / "truncated/train/0.png").write_bytes(whole[:-40])
    Image.new("L", (9, 8)).save(folder / "differ/train/0.png")


def arrays(folder):
    """Files of 100 images."""
    images = np.zeros((100, 8, 8), np.float32)
    np.savez(folder / "keys.npz", pictures=images)
    np.savez(folder / "doubles.npz", images=images.astype(np.float64))
    np.savez(folder / "bytes.npz", images=images + 255)
    np.savez(folder / "nan.npz", images=images * np.nan)
    np.savez(folder / "labels.npz", images=images, labels=np.arange(3))
    np.savez(folder / "wide.npz", images=np.zeros((100, 8, 12, 1), np.uint8))
    np.savez(folder / "flat.npz", images=np.zeros((100, 64), np.uint8))
    (folder / "text.npz").write_text("no archive")


COMPILED = []
jax.monitoring.register_event_duration_secs_listener(
    lambda name, *_, **__: COMPILED.append(name) if "backend_compile" in name else None
)


@pytest.fixture
def refused(here, tiny_run, command, monkeypatch):  # noqa: F811
    """refused(arguments, fragment) -> the line that a command is refused with.

    It checks what holds for all bad input.
    """
    monkeypatch.chdir(EXPERIMENTS.parent)
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    monkeypatch.setenv("HOME", str(here / "empty"))

    def fill_in(text):
        for name, value in places.items():
            text = text.replace(f"{{{name}}}", str(value))
        return text

    def never(*arguments):
        raise AssertionError("this would have been compiled, or asked of the network")

    places = {
        "here": here,
        "run": tiny_run,
        "experiments": EXPERIMENTS,
        "more": jax.device_count() + 1,
    }
    monkeypatch.setattr(parallel.Devices, "compile", never)
    monkeypatch.setattr(socket.socket, "connect", never)

    def check(arguments, fragment):
        before, started = everything(here) | everything(tiny_run), time.process_time()
        COMPILED.clear()
        code, out, err = command(*map(fill_in, arguments))
        assert time.process_time() - started < SECONDS
        assert COMPILED == []
        assert (code, out) == (2, "")
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        assert "Traceback" not in err
        assert fill_in(fragment) in err
        assert everything(here) | everything(tiny_run) == before
        assert not (here / "new").exists()
        return err

    yield check
    shutil.rmtree(here / "new", ignore_errors=True)


def table(rows):
    """The rows as parameters, each named by its first cell."""
    return pytest.mark.parametrize(
        ("wrong", "fragment"), [pytest.param(*row[1:], id=row[0]) for row in rows]
    )


@table(OVERRIDES)
def test_override(refused, wrong, fragment):
    refused([DIGITS, "--smoke", NEW, f"--config.{wrong}"], fragment)


@table(COMBINATIONS)
def test_combination(refused, wrong, fragment):
    refused([DIGITS, "--smoke", NEW, *(f"--config.{w}" for w in wrong)], fragment)


@pytest.mark.parametrize("name", ["dcgan", "mlp"])
def test_a_network_of_no_width(refused, name):
    field = {"dcgan": "width=0", "mlp": "features=0"}[name]
    fields = [f"--config.method.generator.{text}" for text in (f"name={name}", field)]
    refused([DCGAN, "--smoke", NEW, *fields], "must be at least 1, not ")


@table(SIZES)
def test_size(refused, wrong, fragment):
    refused([DCGAN, "--smoke", NEW, *(f"--config.{w}" for w in wrong)], fragment)


@table(COMMANDS)
def test_command(refused, wrong, fragment):
    refused(wrong, fragment)


@pytest.mark.parametrize(
    ("name", "fragment"), [pytest.param(row[0], row[2], id=row[0]) for row in EXPERIMENT_LINES]
)
def test_experiment(refused, name, fragment):
    refused([f"--config={{here}}/line_{name.replace(' ', '_')}.py", NEW], fragment)


@table(METHODS)
def test_method(refused, wrong, fragment):
    refused(["--config={here}/plain.py", NEW, f"--config.method.name={wrong}"], fragment)


@pytest.mark.parametrize(
    ("name", "kind", "stage"),
    [
        ("failing_method", ZeroDivisionError, "importing method 'failing_method'"),
        ("asserting_method", AssertionError, "building method 'asserting_method'"),
    ],
)
def test_a_bug_in_a_method_keeps_its_traceback(here, name, kind, stage):
    with pytest.raises(kind) as caught:
        main.main(
            [f"--config={here}/plain.py", f"--workdir={here}/new", f"--config.method.name={name}"]
        )
    assert caught.value.__notes__ == [f"This was raised while {stage}."]
    assert not (here / "new").exists()


@pytest.mark.parametrize(
    "data", ["name=swiss_roll", "name=folder --config.data.data_dir={here}/good"]
)
def test_labels_of_unlabelled_data(refused, data):
    arguments = ["--config={here}/plain.py", NEW, "--config.method.name=labelled_method"]
    name = data.partition(" ")[0].removeprefix("name=")
    fragment = f"method 'labelled_method' needs labels, and {name} has none"
    refused([*arguments, *f"--config.data.{data}".split()], fragment)


@pytest.mark.skipif(jax.device_count() == 1, reason="one device divides every batch")
@pytest.mark.parametrize("mode", ["jit", "pmap"])
def test_a_batch_that_the_devices_do_not_divide(refused, mode):
    n = jax.device_count()
    fragment = (
        f"config.batch_size {4 * n + 1} is not divisible by {n} devices; try {4 * n} or {5 * n}"
    )
    fields = [f"--config.batch_size={4 * n + 1}", f"--config.parallel.mode={mode}"]
    refused([DIGITS, "--smoke", NEW, *fields, f"--config.parallel.devices={n}"], fragment)


# Seen only when the data are opened, once the folder of the run is claimed.
LATE = [
    (
        "truncated image",
        ["data.name=folder", "data.data_dir={here}/truncated"],
        "cannot read the image {here}/truncated/train/0.png: ",
    ),
    ("bytes as float", ["data.name=npz", "data.data_dir={here}/bytes.npz"], "must lie in [-1, 1]"),
    ("nan in npz", ["data.name=npz", "data.data_dir={here}/nan.npz"], "NaN or infinite"),
]


@table(LATE)
def test_data_that_cannot_be_read(refused, wrong, fragment):
    refused([DIGITS, "--smoke", NEW, *(f"--config.{w}" for w in wrong)], fragment)


@pytest.fixture
def full_disk(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9**9, 9**9, 1000))


def test_a_full_disk(refused, full_disk):
    refused([DIGITS, "--smoke", "--workdir={run}", "--config.steps=30"], "the disk is too full")
    refused([DIGITS, "--smoke", NEW], "the disk is too full for a checkpoint in ")


def test_a_second_process_on_the_same_workdir(refused, tiny_run):  # noqa: F811
    with run_folder.locked(tiny_run):
        holder = f"is in use by process {os.getpid()} on {socket.gethostname()}"
        refused([DIGITS, "--smoke", "--workdir={run}"], holder)


def test_a_bad_image_is_skipped_where_the_config_says_so(here, tmp_path, command, caplog):  # noqa: F811
    fields = ["data.name=folder", f"data.data_dir={here}/truncated", "data.bad_images=skip"]
    fields += ["steps=2", "parallel.devices=1", "evaluation.every=0", "sample.every=0"]
    arguments = [DIGITS, "--smoke", f"--workdir={tmp_path}", *(f"--config.{f}" for f in fields)]
    assert command(*arguments)[0] == 0
    assert "truncated/train/0.png" in caplog.text
    assert "left out 1 of the 8 images" in caplog.text


def rewrite(run, change):
    """Changes the config that a run has stored."""
    stored = json.loads((run / "config.json").read_text())
    change(stored)
    (run / "config.json").write_text(json.dumps(stored, indent=2) + "\n")


def damage(run):
    """Cuts a file of every checkpoint short."""
    for path in (run / "checkpoints").glob("*/state/ocdbt.process_0/d/*"):
        path.write_bytes(path.read_bytes()[:-1])


TRAIN, SAMPLE = [DIGITS, "--smoke"], ["--mode=sample"]
WRONG_RUNS = [
    (
        "no JSON",
        lambda run: (run / "config.json").write_text("{"),
        TRAIN,
        "config.json cannot be re",
    ),
    (
        "no JSON to sample",
        lambda run: (run / "config.json").write_text("{"),
        SAMPLE,
        "cannot be read",
    ),
    (
        "a list",
        lambda run: (run / "config.json").write_text("[]"),
        SAMPLE,
        "does not hold a config",
    ),
    (
        "no config",
        lambda run: (run / "config.json").unlink(),
        TRAIN,
        "holds a run without config.json; take another workdir",
    ),
    (
        "no checkpoint",
        lambda run: shutil.rmtree(run / "checkpoints"),
        SAMPLE,
        "there is no checkpoint in {copy} yet",
    ),
    (
        "a field of another version",
        lambda run: rewrite(run, lambda c: c.update(stepz=5)),
        SAMPLE,
        "config.json: unknown config field 'stepz'; did you mean 'steps'?",
    ),
    (
        "another width",
        lambda run: rewrite(run, lambda c: c["method"]["generator"].update(features=[16, 17])),
        SAMPLE,
        "it does not fit: ",
    ),
    (
        "another network",
        lambda run: rewrite(run, lambda c: c["method"]["generator"].update(batch_norm=True)),
        SAMPLE,
        "it is of another architecture: ",
    ),
    (
        "a width changed by hand",
        lambda run: rewrite(run, lambda c: c["method"]["generator"].update(features=[16, 17])),
        TRAIN,
        "method.generator.features was [16, 17], now [16, 16]",
    ),
    (
        "another width in both",
        lambda run: rewrite(run, lambda c: c["method"]["generator"].update(features=[16, 17])),
        [*TRAIN, "--config.method.generator.features=(16,17)"],
        "can be used (step 20: it does not fit: ",
    ),
    ("damaged", damage, SAMPLE, "can be used (step 20: state/ocdbt.process_0/d/"),
    ("damaged to train", damage, TRAIN, "can be used (step 20: state/ocdbt.process_0/d/"),
]


@pytest.mark.parametrize(
    ("spoil", "arguments", "fragment"), [pytest.param(*row[1:], id=row[0]) for row in WRONG_RUNS]
)
def test_run(refused, tiny_run, tmp_path, spoil, arguments, fragment):  # noqa: F811
    copy = shutil.copytree(tiny_run, tmp_path / "copy")
    spoil(copy)
    before = everything(copy)
    refused([*arguments, f"--workdir={copy}"], fragment.replace("{copy}", str(copy)))
    assert everything(copy) == before


def test_a_run_whose_config_is_a_list(refused, tiny_run, tmp_path):  # noqa: F811
    copy = shutil.copytree(tiny_run, tmp_path / "copy")
    (copy / "config.json").write_text("[]")
    refused([*TRAIN, f"--workdir={copy}"], "config.json")


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    quickly(
        [
            (
                [DIGITS, NEW, "--config.stepz=5"],
                "unknown config field 'stepz'; did you mean 'steps'?",
            ),
            ([DCGAN, NEW, "--config.data.image_size=256"], "not [256, 256, 1]"),
            (
                [f"--config={EXPERIMENTS}/dcgan_cifar10.py", NEW],
                "dataset 'cifar10' is not prepared in",
            ),
            (["--mode=sample", NEW], "is not the folder of a run"),
        ],
        *(1, 2),
    ),
)
def test_as_a_process(tmp_path, arguments, fragment):
    """The exit code, the time of a start, and nothing on the terminal but the line."""
    # Of the machine that a user has: no warning of a library is turned off.
    env = {**os.environ, "HOME": str(tmp_path), "JAX_PLATFORMS": "cpu"}
    env = {name: env[name] for name in env if name not in ("TFDS_DATA_DIR", "XDG_CACHE_HOME")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    filled = [argument.replace("{here}", str(tmp_path)) for argument in arguments]
    line = [sys.executable, "-m", "jaxgan.main", *filled]
    done = subprocess.run(line, env=env, capture_output=True, text=True, timeout=120, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert fragment in done.stderr
    assert list(tmp_path.iterdir()) == []
    # CPU time: it holds on a busy machine too.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < SECONDS


def test_the_table_is_long_enough():
    tables = (OVERRIDES, COMBINATIONS, SIZES, COMMANDS, EXPERIMENT_LINES, METHODS, LATE, WRONG_RUNS)
    assert sum(map(len, tables)) >= 100
