"""What `iai team status` shows, without a network: what is known here of the team."""

from collections.abc import Iterable, Mapping

from iai.protocol.replicator import TeamPeer, TeamProject, TeamReport
from iai.replication.outbox import Outbox
from iai.replication.peers import Peers
from iai.store.team_store import Peer, TeamView
from iai.team.membership import Membership

COUNTED = 1_000  # changes in the inbox that are looked at each time


class Link:
    """The connection, and how far behind the stream this machine is."""

    def __init__(self) -> None:
        self.connected = False
        self.since = 0  # UTC nanoseconds
        self.reason = "not connected yet"
        self.limits = ""  # by which the stream drops old messages, in words
        self.pending = 0  # messages in the stream that are still to come
        self.refused = 0
        self.behind_since: dict[str, int] = {}  # UTC nanoseconds, by machine

    def reached(self, now: int) -> None:
        """Take note of a connection."""
        if not self.connected:
            self.since = now
        self.connected, self.reason = True, ""

    def lost(self, reason: str, now: int) -> None:
        """Take note that there is none, or still none."""
        if self.connected:
            self.since = now
        self.connected, self.reason = False, reason

    def behind(self, view: TeamView, peers: Peers, now: int) -> None:
        """Note since when anything of a machine has been missing or waiting."""
        late = set(view.waiting_for_ingest(COUNTED)) if view.count() else set[str]()
        late |= {one.machine for one in peers.every if peers.gap(one) is not None}
        self.behind_since = {one: self.behind_since.get(one, now) for one in late}


def report(
    name: str,
    membership: Membership,
    peers: Peers,
    outbox: Outbox,
    link: Link,
    waiting: Mapping[str, int],
    unpublished: Mapping[str, int],
    now: int,
) -> TeamReport:
    """Put it together. `waiting`: changes in the inbox, by machine; `unpublished`: by project."""
    reason = membership.waits_for(now) or link.reason
    return TeamReport(
        team=membership.team,
        name=name,
        machine=membership.machine,
        state="connected" if link.connected else "disconnected",
        since=link.since,
        reason=reason,
        pending=link.pending,
        waiting=sum(waiting.values()),
        refused=link.refused,
        peers=tuple(_peers(membership, peers, link, waiting)),
        projects=tuple(
            TeamProject(
                project=one.project,
                unpublished=unpublished.get(one.hash, 0),
                unpublished_since=outbox.late_since(one.hash),
                blocked=outbox.blocked(one.hash),
            )
            for one in outbox.projects
        ),
        admins=tuple(sorted(membership.roster.admins & membership.roster.members.keys())),
    )


def _peers(
    membership: Membership, peers: Peers, link: Link, waiting: Mapping[str, int]
) -> Iterable[TeamPeer]:
    known: dict[str, list[Peer]] = {}
    for one in peers.every:
        known.setdefault(one.machine, []).append(one)
    person = membership.member(membership.machine).person
    for member in membership.members():
        if member.machine == membership.machine:
            continue
        of_it = known.get(member.machine, [])
        yield TeamPeer(
            machine=member.machine,
            author=member.author,
            name=member.name,
            heard_at=max((one.heard_at for one in of_it), default=0),
            waiting=waiting.get(member.machine, 0),
            missing=any(peers.gap(one) is not None for one in of_it),
            behind_since=link.behind_since.get(member.machine, 0),
            own=member.person == person,
        )
