import ast
from pathlib import Path

import jaxgan
from jaxgan.adversarial.purposes import OfRow, OfStep, OfUpdate

LEVELS = (OfStep, OfUpdate, OfRow)


def test_no_two_purposes_of_a_level_are_one_number():
    for level in LEVELS:
        assert len(set(level)) == len(level.__members__)


def test_the_numbers_are_those_of_the_runs_that_there_are():
    assert {p.name: int(p) for p in OfRow} == {"LATENT": 0, "OWN": 1}
    assert {p.name: int(p) for level in (OfStep, OfUpdate) for p in level} == {
        "D_UPDATE": 0,
        "G_UPDATE": 1,
        "REFRESH": 2,
        "VARIANT": 100,
        "LATENT": 0,
        "REAL_NOISE": 1,
        "FAKE_NOISE": 2,
        "PENALTY": 3,
        "REPLAY": 4,
        "REAL_AUGMENT": 5,
        "FAKE_AUGMENT": 6,
        "REAL_MOVED": 7,
        "FAKE_MOVED": 8,
        "NEARBY": 9,
        "PSEUDO": 10,
        "PSEUDO_CHOICE": 11,
        "REAL_STEP": 12,
        "FAKE_STEP": 13,
    }


def test_no_file_of_two_players_has_a_number_of_its_own():
    """Every ``draws.fold`` is with a member of the enums, by its name."""
    package, named = Path(jaxgan.__file__).parent, []
    for path in [p for room in ("adversarial", "methods") for p in (package / room).glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("draws.fold"):
                named.append((path.name, ast.unparse(node.args[1])))
    assert named
    known = {f"{level.__name__}.{p.name}" for level in LEVELS for p in level}
    assert [(file, purpose) for file, purpose in named if purpose not in known] == []
