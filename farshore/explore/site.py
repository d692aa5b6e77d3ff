"""Where faults are injected: what a kind of fault may use to do what it does."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ..simulate.simulation import Simulation
from .person import Person
from .seed import Seed


@dataclass
class Site:
    """Of one run. `seed` is all that happens in it, and the dice are its own."""

    simulation: Simulation
    person: Person
    seed: Seed
    dice: random.Random
