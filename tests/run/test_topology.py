"""A step compiled for TPUs that are not there, and what is said of it."""

import dataclasses
import importlib.util
import re
from types import SimpleNamespace

import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache

from jaxgan import data
from jaxgan.base.errors import UserError
from jaxgan.run import chips, needs, program, topology
from jaxgan.run.topology import Trial
from tests.conftest import smoke

MIB = 2**20
V5E = chips.find("v5e:2x4")
FOUND = needs.Needs(
    state=100 * MIB,
    data=0,
    arguments=20 * MIB,
    results=3 * MIB,
    temporary=400 * MIB,
    code=7 * MIB,
    flops=1.97e11,
    accessed=8.19e8,
    reduced=50 * MIB,
    passed=0,
    collectives={"all-reduce": 39, "all-gather": 2},
    loops=0,
    branches=0,
    seconds=61.4,
)

TEXT = """
  %a = f32[3,4]{1,0:T(8,128)} add(%x, %y)
  %b = (bf16[]{:T(256)}, f32[8,128]{1,0:T(8,128)(2,1)S(1)}) all-reduce(%c, %d), to_apply=%add
  %e = f32[2]{0} all-reduce-start(%f), channel_id=2
  %g = f32[2]{0} all-reduce-done(%e)
  %h = pred[16]{0} all-gather(%i), channel_id=7, dimensions={0}
  ROOT %h.1 = pred[16]{0} all-gather(%i.1), channel_id=7, dimensions={0}
  %j = (s32[]) while(%k), condition=%l, body=%m
%all-reduce-scatter.1 (p: f32[8,6]) -> f32[2,6] {
  %s = f32[8,6]{1,0} all-reduce(%p), channel_id=3
  ROOT %t = f32[2,6]{1,0} dynamic-slice(%s, %u, %v)
}
  %n = f32[] conditional(%o, %p, %q), branch_computations={%r, %s}
"""


class Compiled:
    """As JAX has it, with sizes of its own."""

    def as_text(self):
        return TEXT

    def cost_analysis(self):
        return {"flops": 12.0, "bytes accessed": 34.0}

    def memory_analysis(self):
        return SimpleNamespace(
            argument_size_in_bytes=1000,
            output_size_in_bytes=500,
            alias_size_in_bytes=450,
            temp_size_in_bytes=70,
            generated_code_size_in_bytes=6,
        )


def test_what_is_read_from_a_compiled_program():
    found = needs.read(Compiled(), state=600, data=300, seconds=1.0)
    assert (found.state, found.data, found.arguments, found.results) == (600, 300, 100, 50)
    assert found.total == 1000 + 50 + 70 + 6
    assert found.collectives == {"all-reduce": 2, "all-gather": 1, "reduce-scatter": 1}
    assert found.reduced == 2 + 4 * 8 * 128 + 4 * 2, "all-reduce alone"
    assert found.passed == 16 + 4 * 8 * 6
    assert (found.loops, found.branches) == (1, 1)
    assert (found.flops, found.accessed) == (12.0, 34.0)


@pytest.mark.parametrize(
    ("text", "size"),
    [("f32[]", 4), ("bf16[3,5]{1,0}", 30), ("(s8[7], pred[2])", 9), ("f8e4m3fn[9]", 9), ("()", 0)],
)
def test_the_size_of_arrays(text, size):
    assert needs.size(text) == size


def test_the_least_that_crosses_to_the_memory():
    # The state there and back, the rest once.
    assert FOUND.work.moved == (2 * 100 + 20 + 3) * MIB
    fewer = dataclasses.replace(FOUND, accessed=5.0)
    assert fewer.work.moved == 5.0, "no more than all there is"


def told(**changed):
    return "\n".join(topology.told(dataclasses.replace(FOUND, **changed), 512, V5E, V5E.chip.hbm))


def test_what_is_told_of_a_step():
    text = told()
    assert "state 100.0, data 0.0, batch and padding 20.0, results 3.0, temporary 400.0" in text
    assert "; in all 530.0 of 16,128, it fits" in text
    assert "collectives: 2 all-gather, 39 all-reduce; 50.0 MiB are summed over chips" in text
    assert "1.97e+11 flops, 8.19e+08 bytes accessed" in text
    # 233.8e6 bytes of 819e9 a second; 1.75 times 52.4e6 of 200e9.
    assert "  arithmetic 1, at 197 TFLOP/s in bfloat16\n" in text
    assert "  memory 0.286, at 819 GB/s; 1 were no byte in on-chip memory\n" in text
    assert "  interconnect 0.459, at 200 GB/s\n" in text
    assert "bound: arithmetic, at most 1,000 steps/s, 512,000 images/s" in text
    assert "compiled in 61 s" in text
    assert "loop" not in text
    assert "branches" not in text


def test_what_is_counted_in_part_is_told():
    assert "of 3 loops each is counted as if it ran once: it is more" in told(loops=3)
    assert "of 2 branches the dearer way is counted, as of" in told(branches=2)
    assert "images/s were all steps such\n" in told(branches=2)
    assert "bound: memory" in told(flops=1.0, reduced=0)
    assert "bound: interconnect" in told(flops=1.0, reduced=10**9)
    assert "collectives: none" in told(collectives={})


def search(monkeypatch, most, batch_size, *, known=False, seconds=1, **fields):
    """The batches that are tried where those up to ``most`` fit, and the largest that does.

    ``known``: whether the compiler says how much memory the others need: of 15 GiB the state takes
    one, and a sample the rest of it by ``most``.
    """
    monkeypatch.setattr(topology, "devices", lambda tpus: [])
    GIB = 2**30

    def trial(config, chosen, splits, size, hbm, quick):
        state, total = (GIB, GIB + (hbm - GIB) * size / most) if known else (0, 0)
        return Trial(size, size, None, "too large" * (size > most), state, total, seconds)

    monkeypatch.setattr(topology, "trial", trial)
    config = smoke(
        "gan_digits", f"batch_size={batch_size}", *(f"{k}={v}" for k, v in fields.items())
    )
    tried = topology.trials(config, V5E)
    found = topology.largest(tried)
    return [each.batch_size for each in tried], found and found.batch_size


def test_a_batch_that_fits_is_the_only_one_that_is_compiled(monkeypatch):
    assert search(monkeypatch, 512, 512) == ([512], 512)


def test_it_is_halved_and_then_bisected(monkeypatch):
    # 512 and 256 do not, 128 does; between 128 and 256.
    assert search(monkeypatch, 200, 512) == ([512, 256, 128, 192, 224, 208], 192)
    # Multiples of eight chips: half of 120 is 56, and between 56 and 120 there is 88.
    assert search(monkeypatch, 90, 120) == ([120, 56, 88, 104, 96], 88)
    # Of eight chips and four parts: half of 96 is 32, between them 64.
    assert search(monkeypatch, 40, 96, accumulate=4) == ([96, 32, 64], 32)


def test_after_one_whose_memory_is_known_the_largest_that_should_fit_is_tried(monkeypatch):
    # 200 is what fits; 512 says so, and between 200 and 512 there are some.
    assert search(monkeypatch, 200, 512, known=True) == ([512, 200, 352, 272, 232], 200)
    assert search(monkeypatch, 200, 512, known=True, seconds=700) == ([512, 200], 200)
    assert search(monkeypatch, 7, 64, known=True) == ([64], None)


@pytest.mark.parametrize(
    ("words", "gib"),
    [
        (
            "RESOURCE_EXHAUSTED: Ran out of memory on HBM, the total memory required for HLO "
            "temporaries (32.81G) exceeds available HBM (15.75G).",
            32.81,
        ),
        (
            "RESOURCE_EXHAUSTED: XLA:TPU compile permanent error. Ran out of memory in memory "
            "space hbm. Used 512.0M of 15.75G hbm. Exceeded hbm capacity by 17.1G.",
            0.5,
        ),
        ("RESOURCE_EXHAUSTED: hbm", 0),
    ],
)
def test_what_the_compiler_says_that_a_step_needs(words, gib):
    assert topology.said(words) == gib * 2**30


def test_where_none_fits(monkeypatch):
    assert search(monkeypatch, 7, 64) == ([64, 32, 16, 8], None)


def test_what_is_told_where_a_batch_does_not_fit(monkeypatch):
    tried = [Trial(64, 64, None, "too large"), Trial(32, 64, FOUND, ""), Trial(48, 96, FOUND, "x")]
    monkeypatch.setattr(topology, "trials", lambda *arguments, quick: tried)
    monkeypatch.setattr(topology, "version", lambda: "0.0")
    lines = topology.describe(smoke("gan_digits"), V5E).splitlines()
    assert lines[:4] == [
        "slice: v5e:2x4, 8 chips, on paper by libtpu 0.0",
        "a batch of 64 does not fit: too large",
        "tried: 64 does not, 32 does, 48 does not",
        "largest batch of these that fits: 32, with which",
    ]
    assert "64,000 images/s" in lines[-2], "the samples of that one"
    tried[1:] = []
    assert topology.describe(smoke("gan_digits"), V5E).splitlines()[-1].startswith("no batch fits")


def refused(monkeypatch, message):
    """The trial of a step that the compiler refuses."""

    def refuse(*arguments, **named):
        raise jax.errors.JaxRuntimeError(message)

    monkeypatch.setattr(topology.lowering, "compiled", refuse)
    config = smoke("gan_digits")
    return topology.trial(config, jax.devices()[:2], data.Splits(config.data), 16, 1.0)


def test_a_step_that_the_compiler_refuses(monkeypatch):
    message = "RESOURCE_EXHAUSTED: Ran out of memory in memory space hbm. Used 33G.\nDetails"
    found = refused(monkeypatch, message)
    assert (found.batch_size, found.samples, found.needs) == (16, 16, None)
    assert found.refusal == "Ran out of memory in memory space hbm. Used 33G."
    with pytest.raises(jax.errors.JaxRuntimeError):
        refused(monkeypatch, "INTERNAL: no such instruction")


def test_a_smaller_batch_is_trained_on_as_many_samples(monkeypatch):
    """Else images that grow by the samples seen would not have grown up."""
    seen = []
    monkeypatch.setattr(
        topology.lowering, "compiled", lambda ready, splits, quick: seen.append(ready) or FOUND
    )
    config = smoke("progan_digits", "parallel.devices=1")
    for size in (config.batch_size, config.batch_size // 2):
        topology.trial(config, jax.devices()[:2], data.Splits(config.data), size, 1e12)
    whole, half = seen
    assert half.config.steps == 2 * whole.config.steps
    phases = [ready.method.phase(ready.config.steps - 1)[0] for ready in seen]
    assert phases[0] == phases[1]


def test_a_batch_that_the_chips_do_not_divide():
    config = smoke("gan_digits", "batch_size=18")
    with pytest.raises(UserError, match=r"18 is not divisible by 4 chips; try 16 or 20$"):
        topology.trial(config, jax.devices(), data.Splits(config.data), 18, 1.0)


def test_pmap_is_said_not_to_be_what_is_compiled(monkeypatch):
    monkeypatch.setattr(topology, "trials", lambda *arguments, quick: [Trial(64, 64, FOUND, "")])
    monkeypatch.setattr(topology, "version", lambda: "0.0")
    notice = "mode: compiled as parallel.mode='jit', not 'pmap'"
    assert notice in topology.describe(smoke("gan_digits", "parallel.mode=pmap"), V5E)
    assert notice not in topology.describe(smoke("gan_digits"), V5E)


def test_without_libtpu(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'jaxgan\[tpu\]'"):
        topology.find("v5e:2x4")


def test_a_slice_that_libtpu_does_not_take(monkeypatch):
    def refuse(name, platform, **options):
        raise jax.errors.JaxRuntimeError("INVALID_ARGUMENT: not\ndivisible")

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(topology.topologies, "get_topology_desc", refuse)
    with pytest.raises(UserError) as error:
        topology.find("v5e:3x3")
    assert "does not take topology 'v5e:3x3' (JaxRuntimeError: INVALID_ARGUMENT: not div" in str(
        error.value
    )
    assert "there are v4:1x1x1" in str(error.value)


def test_what_the_step_is_given_is_what_a_run_gives_it():
    """The shapes of the set on each chip and of the batch, against those of a run on the CPU."""
    for placement in ("device", "stream"):
        for name, seeds in (("cgan_digits", 1), ("pix2pix_digits", 1), ("cgan_digits", 3)):
            config = smoke(name, f"data.placement={placement}", f"seeds={seeds}")
            splits = data.Splits(config.data)
            ready = program.prepare(config, splits)
            stream = ready.batches(splits.sources(), 0)
            real = ready.dataset(splits.sources()), next(iter(stream))
            stream.close()
            shapes = topology.lowering.given(ready, splits)
            assert jax.tree.structure(shapes) == jax.tree.structure(real)
            for shape, array in zip(*map(jax.tree.leaves, (shapes, real)), strict=True):
                assert (shape.shape, shape.dtype) == (array.shape, array.dtype)


@pytest.fixture
def on_paper(monkeypatch, optimized):
    if importlib.util.find_spec("libtpu") is None:
        pytest.skip("no libtpu")
    for name, value in chips.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    # As the environment says, but JAX is loaded already.
    jax.config.update("jax_enable_compilation_cache", False)
    compilation_cache.reset_cache()
    yield
    jax.config.update("jax_enable_compilation_cache", True)
    compilation_cache.reset_cache()


@pytest.mark.tpu
@pytest.mark.parametrize("name", ["v5e:2x4", "v5e:1x1", "v4:1x1x1", "v5p:2x2x1", "v6e:1x1"])
def test_a_step_compiles(on_paper, name):
    tpus = topology.find(name)
    assert len(topology.devices(tpus)) == tpus.count, "one device a chip"
    (only,) = topology.trials(smoke("gan_digits", "parallel.devices=1"), tpus)
    assert (only.refusal, only.samples) == ("", 16)
    found = only.needs
    assert set(found.collectives) <= {"all-reduce"}
    assert bool(found.collectives) == bool(found.reduced) == (tpus.count > 1)
    # Weights and two moments of both, and G's average; of the set float32 pixels and labels.
    assert found.state >= (4 * 2400 + 3 * 1329) * 4
    assert found.data == 1498 * (4 * 64 + 4)
    assert found.flops > 6 * 16 * (2400 + 2 * 1329) / tpus.count
    assert found.total < tpus.chip.hbm


@pytest.mark.tpu
def test_a_quick_compilation_is_of_the_same_work(on_paper):
    config = smoke("gan_digits", "parallel.devices=1")
    usual, quick = (topology.trials(config, V5E, quick=q)[0].needs for q in (False, True))
    assert quick.flops == pytest.approx(usual.flops, rel=0.01)
    assert (quick.state, quick.collectives) == (usual.state, usual.collectives)
    assert quick.code != usual.code, "another program"
    notice = "quick: of a program that is not made to be fast"
    assert notice in topology.describe(config, V5E, quick=True)
    assert notice not in topology.describe(config, V5E)


@pytest.mark.tpu
def test_networks_in_parts(on_paper):
    wide = ("generator.features=512,1024", "discriminator.features=1024,512")
    given = ("parallel.devices=1", "batch_size=512", *(f"method.{x}" for x in wide))
    whole, parts = (
        topology.trials(smoke("gan_digits", *given, f"parallel.shard_parameters={cut}"), V5E)[0]
        for cut in (False, True)
    )
    assert set(whole.needs.collectives) == {"all-reduce"}
    assert parts.needs.state < 0.14 * whole.needs.state
    assert parts.needs.arguments < 0.1 * whole.needs.state, "nor is it padded to the whole"
    assert {"all-gather", "all-reduce"} <= set(parts.needs.collectives)
    assert set(parts.needs.collectives) <= {"all-gather", "all-reduce", "reduce-scatter"}
    assert parts.needs.flops < 1.1 * whole.needs.flops, "no product is made twice"


@pytest.mark.tpu
def test_lanes_on_chips_of_their_own_exchange_nothing(on_paper):
    tpus = topology.find("v5e:2x4")
    one, eight = (
        topology.trials(smoke("gan_digits", "parallel.devices=1", f"seeds={n}"), tpus)[0].needs
        for n in (1, 8)
    )
    assert one.collectives
    assert not eight.collectives
    assert abs(eight.state - one.state) <= 4
    assert 4 < eight.flops / one.flops < 9, "a chip has the whole batch of its lane"


@pytest.mark.tpu
def test_the_largest_batch_that_fits_a_small_memory(on_paper):
    config = smoke("gan_digits", "batch_size=1024", "data.placement=stream")
    text = topology.describe(config, topology.find("v5e:1x1"), hbm=4.7 * MIB)
    (largest,) = re.findall("largest batch of these that fits: (\\d+), ", text)
    tried = dict(re.findall(r"(\d+) (does not|does)\b", text.split("tried: ")[1]))
    assert tried["1024"] == "does not"
    assert int(largest) == max(int(size) for size, fits in tried.items() if fits == "does")
    assert all(int(size) > int(largest) for size, fits in tried.items() if fits == "does not")
