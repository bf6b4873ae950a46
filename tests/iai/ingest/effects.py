"""Effects that are named, not carried out."""

from collections.abc import Generator

from iai.model.clock import Now
from iai.protocol.behaviour import Effect
from tests.iai.store.builders import NOW


def perform(steps: Generator[Effect, Now, object], then: Now = NOW) -> list[Effect]:
    """Take all steps, and return their effects. `then` is the time after each."""
    effects: list[Effect] = []
    try:
        effects.append(next(steps))
        while True:
            effects.append(steps.send(then))
    except StopIteration:
        return effects
