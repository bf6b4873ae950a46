"""Tool calls that wait for their result, and what becomes of those that never get one. Pure."""

from typing import NamedTuple

from msgspec import structs

from iai.model.action import Action, beginning
from iai.model.context import CALL_INPUT, CALLS, Call, Context


class Taken(NamedTuple):
    """A call whose result has come, and the context without it."""

    context: Context
    call: Call | None


def opened(context: Context, call: Call) -> tuple[Context, tuple[Action, ...]]:
    """Note a call; return what had to give way to it, the oldest, as it is: outcome unknown."""
    call = structs.replace(call, input=beginning(call.input, CALL_INPUT))
    others = tuple(other for other in context.calls if other.id != call.id)
    gone, kept = others[: len(others) - CALLS + 1], others[-CALLS + 1 :]
    after = structs.replace(context, calls=(*kept, call))
    return after, tuple(other.action for other in gone) if len(others) >= CALLS else ()


def taken(context: Context, call_id: str) -> Taken:
    """Take a call out of those that wait."""
    call = next((call for call in context.calls if call.id == call_id), None)
    if call is None:
        return Taken(context, None)
    others = tuple(other for other in context.calls if other is not call)
    return Taken(structs.replace(context, calls=others), call)


def cut_off(key: str, at: int) -> Action:
    """Return what says that the user interrupted the agent while it waited for no call."""
    return Action(key=f"{key}:interrupted", kind="tool", at=at, name="Interrupt",
                  status="interrupted")  # fmt: skip


def interrupted(
    context: Context, *, sub_agents: bool = False
) -> tuple[Context, tuple[Action, ...]]:
    """Give up the calls that wait, since a new request came.

    A sub-agent may work on in the background, so its calls go on waiting unless asked otherwise.
    """
    if not context.calls:
        return context, ()
    over = [call for call in context.calls if sub_agents or not call.action.sub_agent]
    if not over:
        return context, ()
    waiting = tuple(call for call in context.calls if call not in over)
    actions = tuple(structs.replace(call.action, status="interrupted") for call in over)
    return structs.replace(context, calls=waiting), actions
