"""Law 11: the step compiles for a TPU slice, which needs no collective but sums. And its table."""

import dataclasses
import importlib.util
import json
import re
import subprocess
import sys

import pytest

from benchmarks import on_paper
from jaxgan.base.errors import UserError
from jaxgan.run.topology import Trial
from tests.conftest import EXPERIMENTS
from tests.run.test_topology import FOUND, V5E

BEGIN, END = (f"<!-- {which}: on paper, v5e:2x4 -->" for which in ("begin", "end"))


@pytest.mark.tpu
@pytest.mark.usefixtures("optimized")
@pytest.mark.parametrize("topology", ["v5e:2x4", "v5e:16x16"])
@pytest.mark.parametrize(
    ("experiment", "classes", "overrides"),
    [
        ("dcgan_cifar10", 0, ()),
        ("sngan_resnet_cifar10", 0, ()),
        ("biggan_cifar10", 10, ()),
        ("r3gan_cifar10", 10, ()),
        ("stylegan2_cifar10", 10, ("batch_size=512", "method.techniques.augment=none")),
    ],
)
def test_a_step_needs_sums_alone_and_fits_a_chip(experiment, classes, overrides, topology):
    if importlib.util.find_spec("libtpu") is None:
        pytest.skip("no libtpu")
    data = ("data.name=benchmarks.blank.images", f"data.data_dir={classes}")
    alone = (f"{field}={value}" for field, value in on_paper.ALONE.items())
    fields = ("batch_size=512", "data.placement=stream", *alone, *data, *overrides)
    command = [sys.executable, "-m", "jaxgan.main", f"--config=experiments/{experiment}.py"]
    out = subprocess.run(
        [*command, "--dry_run", f"--topology={topology}", *(f"--config.{f}" for f in fields)],
        cwd=EXPERIMENTS.parent,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert re.search(r"^collectives: \d+ all-reduce; ", out, re.M), out
    assert ", it fits\n" in out, out


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(f"before\n\n{BEGIN}\n{END}\n\nafter\n")
    return path


@pytest.fixture
def compiles(monkeypatch):
    """The commands that are run, each of which answers with cells of its number."""
    commands = []

    def run(command, **options):
        commands.append(" ".join(command[5:]))
        if "progan" in command[-1]:
            raise subprocess.TimeoutExpired(command, options["timeout"])
        cells = [f"{len(commands)}"] * (len(on_paper.COLUMNS) - 2)
        code = int("sagan" in command[-1])
        return subprocess.CompletedProcess(command, code, stdout=f"noise\n{json.dumps(cells)}\n")

    monkeypatch.setattr(on_paper.subprocess, "run", run)
    monkeypatch.setattr(on_paper.topology, "version", lambda: "0.0")
    return commands


def test_rows_stay_where_they_are(page, compiles):
    table = on_paper.Table(page, "v5e:2x4")
    on_paper.fill(table, ["wgan_cifar10", "dcgan_cifar10"], 60, again=False)
    lines = page.read_text().splitlines()
    assert lines[:3] == ["before", "", BEGIN]
    assert lines[-3:] == [END, "", "after"]
    assert [line[:16] for line in lines[6:8]] == ["| `dcgan_cifar10", "| `wgan_cifar10`"]
    assert len({line.count("|") for line in lines[4:8]}) == 1
    on_paper.fill(table, ["wgan_cifar10", "dcgan_cifar10"], 60, again=False)
    assert compiles == ["--one=wgan_cifar10", "--one=dcgan_cifar10"], "no more than once"
    other = ["--config.batch_size=256"]
    assert on_paper.load("wgan_cifar10", changed=other).batch_size == 256
    on_paper.fill(table, ["wgan_cifar10"], 60, again=False, changed=other)
    assert compiles[2:] == ["--config.batch_size=256 --one=wgan_cifar10"], "other settings"
    on_paper.fill(table, ["wgan_cifar10"], 60, again=True)
    assert table.read()["wgan_cifar10"][2] == "4"
    changed = page.read_text().replace(table.read()["dcgan_cifar10"][1], "`of another config`")
    page.write_text(changed)
    on_paper.fill(table, ["wgan_cifar10", "dcgan_cifar10"], 60, again=False)
    assert table.read()["dcgan_cifar10"][2] == "5"


def test_what_is_not_compiled_has_a_row(page, compiles):
    table = on_paper.Table(page, "v5e:2x4")
    on_paper.fill(table, ["progan_cifar10", "sagan_cifar10"], 1200, again=False)
    assert "not compiled in 1,200 s" in table.read()["progan_cifar10"]
    assert "not compiled: exit code 1" in table.read()["sagan_cifar10"]
    on_paper.fill(table, ["progan_cifar10"], 1200, again=False)
    assert len(compiles) == 2


@pytest.mark.parametrize("text", ["", f"{BEGIN}\n", f"{END}\n{BEGIN}\n{BEGIN}\n"])
def test_a_page_without_its_markers(page, text):
    page.write_text(text)
    with pytest.raises(UserError, match="once each"):
        on_paper.Table(page, "v5e:2x4").read()


def test_the_cells_of_a_row(monkeypatch):
    found = dataclasses.replace(FOUND, accessed=2 * FOUND.accessed, loops=1)
    tried = [Trial(64, 64, None, "too large"), Trial(32, 32, found, "")]
    asked = []
    monkeypatch.setattr(
        on_paper.topology, "trials", lambda *given, quick: asked.append((*given, quick)) or tried
    )
    row = on_paper.compiled(on_paper.load("dcgan_cifar10"), V5E)
    # As in the test of the lines: 1 ms of arithmetic, and now 2 ms for all bytes.
    sizes = ["32", "100", "400", "530", "no; this one of 2 tried"]
    assert row[:-2] == [*sizes, "197+", "1.64+", "arithmetic", "1.00", "1,000", "500"]
    assert row[-2:] == ["2 all-gather, 39 all-reduce", "61"]
    assert len(row) == len(on_paper.COLUMNS) - 2
    assert not asked[-1][-1]
    quick = on_paper.compiled(on_paper.load("dcgan_cifar10"), V5E, quick=True)
    assert (quick[-1], quick[:-1]) == ("61, quick", row[:-1])
    assert asked.pop()[-1]
    tried.pop()
    assert "no, nor any down to 64" in on_paper.compiled(on_paper.load("dcgan_cifar10"), V5E)

    on_paper.compiled(on_paper.load("fast_style_folder256", "inception.npz"), V5E)
    assert asked[-1][0].method.weights == "inception.npz"
    assert [given[0].batch_size for given in asked] == [64, 64, 8], "4 are not one for each chip"

    def refuse(*arguments, **named):
        raise UserError("pallas is not for v5e")

    monkeypatch.setattr(on_paper.topology, "trials", refuse)
    row = on_paper.compiled(on_paper.load("dcgan_cifar10"), V5E)
    assert "pallas is not for v5e" in row
    assert len(row) == len(on_paper.COLUMNS) - 2


@pytest.mark.parametrize("name", on_paper.known())
def test_every_experiment_can_be_put_on_black_images(name):
    config = on_paper.load(name)
    assert config.data.name == "benchmarks.blank.images"
    assert config.method.name


def test_rows_outlive_a_new_field_but_no_other_setting(monkeypatch):
    monkeypatch.setattr(on_paper.topology, "version", lambda: "libtpu 1")
    settings = on_paper.load("dcgan_cifar10")
    before = on_paper.digest(settings)
    older = settings.copy_and_resolve_references().unlock()
    del older["arms"]
    assert on_paper.digest(older) == before
    styled = on_paper.load("fast_style_folder256")
    here = on_paper.digest(styled)
    elsewhere = styled.copy_and_resolve_references().unlock()
    elsewhere.method.style = styled.method.style.replace(str(on_paper.EXPERIMENTS), "/elsewhere")
    assert elsewhere.method.style != styled.method.style
    with monkeypatch.context() as patch:
        patch.setattr(on_paper, "EXPERIMENTS", "/elsewhere")
        assert on_paper.digest(elsewhere) == here
    for field, value in (("batch_size", 32), ("precision", "bfloat16")):
        other = settings.copy_and_resolve_references().unlock()
        other[field] = value
        assert on_paper.digest(other) != before
    monkeypatch.setattr(on_paper.topology, "version", lambda: "libtpu 2")
    assert on_paper.digest(settings) != before
