"""Teams in which anything goes wrong: no fault breaks an invariant, and broken code does.

Each guard is taken out once; the scenario beside it, which failed when the test was written, or one
of the next must then fail.
"""

from collections.abc import Callable
from functools import cache

import pytest
from benchmarks.simulate import Outcome, run_scenario
from simulation.team_scenarios import generate_team

from iai.replication import messages
from iai.replication.gap_requests import GapRequests
from iai.replication.outbox import Outbox
from iai.replication.relay import Relay
from iai.store import outgoing
from iai.store.replica_change import ReplicaChange
from iai.store.team_store import TeamChange
from iai.team.membership import Membership
from iai.team.roster import Roster
from iai.team.stream import Last

MORE = 20  # scenarios that are tried where the first does not fail

Patch = pytest.MonkeyPatch


@cache
def outcome(seed: int) -> Outcome:
    return run_scenario(generate_team(seed, days=1))


@pytest.mark.parametrize("seed", [36, 38])
def test_a_team_full_of_faults_breaks_no_invariant(seed: int) -> None:
    assert outcome(seed).broken == ""


def test_the_same_seed_gives_the_same_outcome() -> None:
    assert run_scenario(generate_team(36, days=1)) == outcome(36)


def what_is_missing_is_neither_asked_for_nor_noticed(patch: Patch) -> None:
    def last(self: Outbox, found: Last, _: str) -> None:
        for hashed, project in self._projects.items():
            project.checked |= self._subject(hashed) == found.subject

    patch.setattr(GapRequests, "ask", lambda *_: None)
    patch.setattr(Outbox, "last", last)


def what_is_forgotten_stays_in_the_stream(patch: Patch) -> None:
    patch.setattr(TeamChange, "erase", lambda *_: None)


def all_projects_are_published(patch: Patch) -> None:
    patch.setattr(outgoing._Made, "_is_ours", lambda _, record: not record.machine)


def what_others_did_is_ignored(patch: Patch) -> None:
    patch.setattr(ReplicaChange, "_take_work", lambda *_: None)


def what_is_ones_own_is_not_sealed(patch: Patch) -> None:
    patch.setattr(messages, "_is_own", lambda _: False)


def what_is_ones_own_stays_on_its_machine(patch: Patch) -> None:
    patch.setattr(Membership, "shares_own", False)


def nobody_takes_the_place_of_who_is_gone(patch: Patch) -> None:
    patch.setattr(Relay, "begin", lambda *_: None)


def keys_outlast_those_who_have_left(patch: Patch) -> None:
    patch.setattr(Roster, "is_closed", lambda *_: True)


def nobody_is_told_the_names_of_others(patch: Patch) -> None:
    patch.setattr(ReplicaChange, "_take_member", lambda *_: None)


@pytest.mark.parametrize(
    ("without", "invariant", "first"),
    [
        (what_is_missing_is_neither_asked_for_nor_noticed, "l", 896),
        (nobody_takes_the_place_of_who_is_gone, "l", 36),
        (what_is_ones_own_stays_on_its_machine, "l", 1_412),
        (what_is_forgotten_stays_in_the_stream, "m", 3),
        (all_projects_are_published, "n", 19),
        (what_is_ones_own_is_not_sealed, "n", 1_412),
        (what_others_did_is_ignored, "o", 19),
        (keys_outlast_those_who_have_left, "p", 564),
        (nobody_is_told_the_names_of_others, "q", 19),
    ],
    ids=["l", "l, of who is gone", "l, of one's own", "m", "n", "n, of one's own", "o", "p", "q"],
)
def test_without_a_guard_a_team_fails(
    without: Callable[[Patch], None], invariant: str, first: int, monkeypatch: Patch
) -> None:
    without(monkeypatch)
    seeds = (first, *range(MORE))
    outcomes = (run_scenario(generate_team(seed, days=1)).broken for seed in seeds)
    broken = next(filter(None, outcomes), "")
    assert broken
    assert broken[1] == invariant
