"""TPUs by name, and the least time that work takes on them, against numbers worked by hand."""

import pytest

from jaxgan.base.errors import UserError
from jaxgan.run import chips
from jaxgan.run.chips import Work
from jaxgan.run.flags import check, parser


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("v5e:1x1", 1),
        ("v5e:2x4", 8),
        ("v6e:16x16", 256),
        ("v4:1x1x1", 1),
        ("v4:2x2x1", 4),
        ("v5p:4x8x8", 256),
    ],
)
def test_a_slice_by_its_name(name, count):
    found = chips.find(name)
    assert (found.name, found.count) == (name, count)
    assert found.chip is chips.CHIPS[name.partition(":")[0]]


@pytest.mark.parametrize(
    "name", ["", "v5e", "v5e:", "v5e:4", "v5e:4x", "v5e:x4", "v5e:0x4", "v5e:2x4x2x2", "v9:2x4"]
)
def test_what_is_no_slice(name):
    with pytest.raises(UserError, match=f"unknown topology '{name}'; there are v4:1x1x1, .* v6e:"):
        chips.find(name)


def test_an_unknown_slice_is_refused_with_the_flags():
    """So that a typo does not wait for JAX."""
    given = parser().parse_args(["--config=x.py", "--dry_run", "--topology=v9:2x4"])
    with pytest.raises(UserError, match="unknown topology"):
        check(given, [])


def test_no_more_chips_than_can_be_waited_for():
    with pytest.raises(UserError, match="'v5e:16x32' has 512 chips, and at most 256"):
        chips.find("v5e:16x32")


@pytest.mark.parametrize("kind", chips.CHIPS)
def test_the_slices_that_are_named_are_slices(kind):
    counts = [chips.find(f"{kind}:{shape}").count for shape in chips.CHIPS[kind].slices]
    assert (counts[0], counts[-1]) == (1, 256)
    assert counts == sorted(counts)


def test_how_libtpu_is_asked_for_a_slice():
    assert chips.find("v5e:2x4").options == {}
    assert chips.find("v5e:1x1").options == {"chips_per_host_bounds": (1, 1, 1)}
    assert chips.find("v4:1x1x1").options == {
        "chip_config_name": "megacore",
        "chips_per_host_bounds": (1, 1, 1),
    }


def test_the_table_of_chips():
    """As Google Cloud has them: TFLOP/s in bfloat16, GB and GB/s of memory, GB/s to the others."""
    of = {
        name: (c.flops / 1e12, c.hbm / 2**30, c.bandwidth / 1e9, c.interconnect / 1e9)
        for name, c in chips.CHIPS.items()
    }
    assert of == {
        "v4": (275, 30.75, 1200, 300),
        "v5e": (197, 15.75, 819, 200),
        "v5p": (459, 95.74, 2765, 600),
        "v6e": (918, 31.25, 1638, 400),
    }


def test_the_least_time_by_hand():
    # 1.97e12 flops of 197e12 a second; 8.19e9 bytes of 819e9; of 8e9 bytes each of eight chips
    # sends 2 * 7 / 8, at 200e9.
    work = Work(flops=1.97e12, moved=8.19e9, reduced=8e9)
    assert chips.times(chips.find("v5e:2x4"), work) == pytest.approx(
        {"arithmetic": 0.01, "memory": 0.01, "interconnect": 0.07}
    )


def test_what_is_gathered_is_sent_once():
    tpus = chips.find("v5e:2x4")
    gathered = chips.times(tpus, Work(0, 0, 0, passed=8e9))["interconnect"]
    assert gathered == chips.times(tpus, Work(0, 0, 8e9))["interconnect"] / 2


def test_one_chip_sends_nothing():
    times = chips.times(chips.find("v5p:1x1x1"), Work(459e12, 2765e9 / 2, 1e12))
    assert times == {"arithmetic": 1.0, "memory": 0.5, "interconnect": 0.0}
