"""What the keys of a step's samples are folded with: every number once, so that no two meet.

The keys of a run are a tree. Its base key is folded with the number of a step, or with one of the
highest numbers for what is no step (``run.program``); a step's key with a sample's place in the
batch (``draws.sample_keys``); a sample's key with an ``OfStep``, and one of those with an
``OfUpdate``. Of several networks (``several``) a step's key is folded with the number of an update
first, and a sample's key with an ``OfRow``. A number stays what it is: with another one, a run
would not go on as it began.
"""

import enum


@enum.unique
class OfStep(enum.IntEnum):
    """What a sample's key is for in one step."""

    D_UPDATE = 0
    G_UPDATE = 1
    REFRESH = 2  # then folded with the number of the update in the refresh
    VARIANT = 100  # what a variant draws for the whole step, such as codes; it may split the key


@enum.unique
class OfUpdate(enum.IntEnum):
    """What the key of one update is for, in either player's loss."""

    LATENT = 0
    REAL_NOISE = 1
    FAKE_NOISE = 2
    PENALTY = 3
    REPLAY = 4
    REAL_AUGMENT = 5
    FAKE_AUGMENT = 6
    REAL_MOVED = 7
    FAKE_MOVED = 8
    NEARBY = 9
    PSEUDO = 10  # then folded as a key of an update
    PSEUDO_CHOICE = 11
    REAL_STEP = 12  # of a key for PENALTY
    FAKE_STEP = 13


@enum.unique
class OfRow(enum.IntEnum):
    """What a sample's key is for in an update of ``several``."""

    LATENT = 0
    OWN = 1  # what the loss draws
