"""An action stays small, whatever it is made from."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from iai.model.action import LARGEST, Action, Step

LONG = st.text(max_size=30) | st.text(min_size=1, max_size=4).map(lambda text: text * 3_000)
NUMBERS = st.integers(-(1 << 80), 1 << 80)


@given(
    texts=st.fixed_dictionaries(
        dict.fromkeys(("key", "name", "path", "to", "text", "output", "commit"), LONG)
    ),
    counts=st.fixed_dictionaries(
        dict.fromkeys(("at", "added", "removed", "passed", "failed", "number"), NUMBERS)
    ),
    exit_code=st.none() | NUMBERS,
    steps=st.lists(st.builds(Step, LONG, LONG), max_size=60),
)
def test_no_action_is_larger_than_the_largest(
    texts: dict[str, str], counts: dict[str, int], exit_code: int | None, steps: list[Step]
) -> None:
    action = Action(kind="tool", exit_code=exit_code, steps=tuple(steps), **texts, **counts)  # type: ignore[arg-type]
    encoded = msgspec.msgpack.encode(action)
    assert len(encoded) <= LARGEST
    assert msgspec.msgpack.decode(encoded, type=Action) == action


def test_a_command_keeps_its_beginning_and_an_output_its_end() -> None:
    action = Action(key="k", kind="command", at=1, text="a" + "x" * 999, output="x" * 999 + "z")
    assert action.text[0] == "a"
    assert action.output[-1] == "z"


def test_long_keys_stay_apart() -> None:
    keys = {Action(key="k" * 300 + end, kind="tool", at=1).key for end in "ab"}
    assert len(keys) == 2


def test_of_a_long_list_the_first_steps_are_kept() -> None:
    steps = tuple(Step(f"step {n} " + "x" * 100, "pending") for n in range(100))
    kept = Action(key="k", kind="todo", at=1, steps=steps).steps
    assert 5 < len(kept) < 100
    assert kept == steps[: len(kept)]
