"""Everything that waits becomes one decision, and every caller is part of exactly one."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iai.freshness.mailbox import SLEEP_PATIENCE_S, Mailbox
from iai.model.clock import Now
from iai.protocol.behaviour import Caller
from iai.protocol.cache_writer import Refresh, Trigger

NOW = Now(0, 1_000)
REFRESHES = st.builds(Refresh, force=st.booleans(), dry_run=st.booleans())
HINTS = st.sampled_from(get_args(Trigger))


def caller(number: int) -> Caller:
    return Caller(b"", str(number))


@given(st.lists(st.one_of(REFRESHES, HINTS, st.none())))
def test_every_caller_is_in_one_batch_with_what_it_asked_for(story: list[object]) -> None:
    """None stands for a decision: it takes all that waits."""
    mailbox, batches, asked = Mailbox(), [], {}
    for number, step in enumerate([*story, None]):
        if isinstance(step, Refresh):
            asked[caller(number)] = step
            mailbox.ask(caller(number), step)
        elif step in get_args(Trigger):
            mailbox.hint(step, NOW)  # type: ignore[arg-type]
        else:
            batches.append(mailbox.take(NOW))
            assert mailbox.empty
    writes = [one for batch in batches for one in batch.callers]
    dry_runs = [one for batch in batches for one in batch.dry_runs]
    assert writes == [one for one, request in asked.items() if not request.dry_run]
    assert dry_runs == [(one, request.force) for one, request in asked.items() if request.dry_run]
    for batch in batches:
        assert batch.force is any(asked[one].force for one in batch.callers)


def test_a_dry_run_forces_nothing_and_is_no_trigger() -> None:
    mailbox = Mailbox()
    mailbox.ask(caller(1), Refresh(force=True, dry_run=True))
    assert not mailbox.empty
    batch = mailbox.take(NOW)
    assert (batch.trigger, batch.force, batch.callers) == (None, False, [])


@pytest.mark.parametrize(
    ("hints", "asked", "trigger"),
    [
        ((), False, None),
        ((), True, "manual"),
        (("periodic_wake",), False, "periodic_wake"),
        (("periodic_wake", "wake_sequence"), False, "wake_sequence"),
        (("periodic_wake", "wake_sequence"), True, "manual"),
        (("wake_sequence", "sleep_pipeline"), True, "sleep_pipeline"),
    ],
)
def test_one_trigger_stands_for_all(
    hints: tuple[Trigger, ...],
    asked: bool,  # noqa: FBT001
    trigger: Trigger | None,
) -> None:
    mailbox = Mailbox()
    for hint in hints:
        mailbox.hint(hint, NOW)
    if asked:
        mailbox.ask(caller(1), Refresh())
    assert mailbox.take(NOW).trigger == trigger


def test_a_refresh_after_sleep_expires_counted_from_its_first_hint() -> None:
    for waited_s, expired in ((SLEEP_PATIENCE_S, False), (SLEEP_PATIENCE_S + 1, True)):
        mailbox = Mailbox()
        mailbox.hint("sleep_pipeline", NOW)
        mailbox.hint("sleep_pipeline", NOW.later(waited_s))
        assert mailbox.take(NOW.later(waited_s)).expired is expired
    mailbox = Mailbox()
    mailbox.hint("wake_sequence", NOW)
    assert not mailbox.take(NOW.later(SLEEP_PATIENCE_S * 2)).expired
