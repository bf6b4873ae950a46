"""How awake the group is: one table of states. Reads no clock and writes no file."""

from enum import StrEnum

from msgspec import Struct

from iai.protocol.message import State


class Occasion(StrEnum):
    """What can lead from one state to another."""

    ACTIVITY = "activity"  # something was remembered or recalled, or somebody asked to be woken
    IDLE_DROWSY = "idle-drowsy"  # idle for `IAI_MCP_DROWSY_AFTER_SEC`
    IDLE_SLEEP = "idle-sleep"  # idle for `IAI_MCP_SLEEP_AFTER_SEC`
    IDLE_HIBERNATE = "idle-hibernate"  # idle for `IAI_MCP_HIBERNATE_AFTER_SEC`
    ASKED_TO_SLEEP = "asked-to-sleep"


# Rule: every change of state is a line in this table. Code elsewhere only calls `step`.
TRANSITIONS: dict[State, dict[Occasion, State]] = {
    State.WAKE: {
        Occasion.IDLE_DROWSY: State.DROWSY,
        Occasion.ASKED_TO_SLEEP: State.SLEEP,
    },
    State.DROWSY: {
        Occasion.ACTIVITY: State.WAKE,
        Occasion.IDLE_SLEEP: State.SLEEP,
        Occasion.ASKED_TO_SLEEP: State.SLEEP,
    },
    State.SLEEP: {
        Occasion.ACTIVITY: State.WAKE,
        Occasion.IDLE_HIBERNATE: State.HIBERNATION,
    },
    State.HIBERNATION: {
        Occasion.ACTIVITY: State.WAKE,
        Occasion.ASKED_TO_SLEEP: State.SLEEP,
    },
}


def step(state: State, occasion: Occasion) -> State:
    """Return the state that follows; the same one where the table has no line."""
    return TRANSITIONS[state].get(occasion, state)


class Thresholds(Struct, frozen=True):
    """Seconds without activity until each state."""

    drowsy: float
    sleep: float
    hibernate: float


def idle_occasion(state: State, idle_s: float, limits: Thresholds) -> Occasion | None:
    """What so many seconds without activity mean in this state; None for nothing."""
    match state:
        case State.WAKE:
            return Occasion.IDLE_DROWSY if idle_s >= limits.drowsy else None
        case State.DROWSY:
            return Occasion.IDLE_SLEEP if idle_s >= limits.sleep else None
        case State.SLEEP:
            return Occasion.IDLE_HIBERNATE if idle_s >= limits.hibernate else None
        case State.HIBERNATION:
            return None


def diagram() -> str:
    """Return the table as a Mermaid state diagram, for the README."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.WAKE.name}"]
    for state, row in TRANSITIONS.items():
        lines += [f"    {state.name} --> {to.name}: {occasion}" for occasion, to in row.items()]
    return "\n".join(lines)
