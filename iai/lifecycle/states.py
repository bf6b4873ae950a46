"""How awake the group is: one table of states and transitions."""

from enum import StrEnum

from msgspec import Struct

from iai.protocol.message import State


class Cause(StrEnum):
    """What moves the group from one state to another."""

    ACTIVITY = "activity"  # a record was committed, something was recalled, or WAKE was requested
    IDLE_DROWSY = "idle-drowsy"  # idle for `IAI_MCP_DROWSY_AFTER_SEC`
    IDLE_SLEEP = "idle-sleep"  # idle for `IAI_MCP_SLEEP_AFTER_SEC`
    IDLE_HIBERNATE = "idle-hibernate"  # idle for `IAI_MCP_HIBERNATE_AFTER_SEC`
    ASKED_TO_SLEEP = "asked-to-sleep"  # SLEEP was requested


# Every change of state is a line in this table. Code elsewhere only calls `step`.
TRANSITIONS: dict[State, dict[Cause, State]] = {
    State.WAKE: {
        Cause.IDLE_DROWSY: State.DROWSY,
        Cause.ASKED_TO_SLEEP: State.SLEEP,
    },
    State.DROWSY: {
        Cause.ACTIVITY: State.WAKE,
        Cause.IDLE_SLEEP: State.SLEEP,
        Cause.ASKED_TO_SLEEP: State.SLEEP,
    },
    State.SLEEP: {
        Cause.ACTIVITY: State.WAKE,
        Cause.IDLE_HIBERNATE: State.HIBERNATION,
    },
    State.HIBERNATION: {
        Cause.ACTIVITY: State.WAKE,
        Cause.ASKED_TO_SLEEP: State.SLEEP,
    },
}


def step(state: State, cause: Cause) -> State:
    """Return the next state; the same one where the table has no line."""
    return TRANSITIONS[state].get(cause, state)


class Thresholds(Struct, frozen=True):
    """Seconds of idle time until each state."""

    drowsy: float
    sleep: float
    hibernate: float


def idle_cause(state: State, idle_s: float, limits: Thresholds) -> Cause | None:
    """Return what this idle time causes in this state; None for nothing."""
    match state:
        case State.WAKE:
            return Cause.IDLE_DROWSY if idle_s >= limits.drowsy else None
        case State.DROWSY:
            return Cause.IDLE_SLEEP if idle_s >= limits.sleep else None
        case State.SLEEP:
            return Cause.IDLE_HIBERNATE if idle_s >= limits.hibernate else None
        case State.HIBERNATION:
            return None


def diagram() -> str:
    """Return the table as a Mermaid state diagram, for the README."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.WAKE.name}"]
    for state, row in TRANSITIONS.items():
        lines += [f"    {state.name} --> {to.name}: {cause}" for cause, to in row.items()]
    return "\n".join(lines)
