"""The requests, replies and events of the replicator, which runs only where there is a team."""

from typing import Literal

from msgspec import Struct

from iai.protocol.message import Event, Reply, Request


class TeamStatus(Request, frozen=True):
    """Report on the team: whether its server is reached, what is shared, and each other machine."""


class ShareProject(Request, frozen=True):
    """Share a project with the team, with all that was said in it until now; or share it no more.

    What others have of it already stays with them. Answered with a `TeamReport`.
    """

    project: str  # id
    on: bool = True  # False: publish nothing more of it


class InviteMachine(Request, frozen=True):
    """Make an invitation, which lets in one machine. Works without the server, too."""


class LeaveTeam(Request, frozen=True):
    """Take a machine out of the team for good; answered with a `TeamReport`."""

    machine: str = ""  # id; "": this one. Another one can be removed by the founder alone


class TeamPeer(Struct, frozen=True, kw_only=True):
    """A machine of the team, as seen from here."""

    machine: str  # id
    author: str  # name of its user; "": not known yet
    name: str  # of the machine; "": not known yet
    heard_at: int  # when it last said something, UTC nanoseconds; 0: never
    waiting: int  # its changes that have arrived and are not among the records yet
    missing: bool  # has it published something that has not arrived?
    behind_since: int  # since when anything of it is waiting or missing, UTC ns; 0: nothing is


class TeamProject(Struct, frozen=True, kw_only=True):
    """A project that this machine shares."""

    project: str  # id
    unpublished: int  # changes that the stream has not acknowledged; counted up to 1,000
    unpublished_since: int  # since when there are any, UTC nanoseconds; 0: there are none
    blocked: str  # why nothing of it can be published; "": that is not so


class TeamReport(Reply, frozen=True):
    """The team as this machine sees it."""

    team: str  # id
    name: str  # of the team
    machine: str  # id of this one
    state: Literal["connected", "disconnected"]  # is the server reached?
    since: int  # when that began, UTC nanoseconds
    reason: str  # why it is disconnected, or this machine is not let in; "": neither is so
    pending: int  # messages in the stream that are still to be taken in
    waiting: int  # changes that are taken in and are not among the records yet
    refused: int  # messages that were not taken in, since the start
    peers: tuple[TeamPeer, ...]  # all other machines of the team
    projects: tuple[TeamProject, ...]  # those that this machine shares


class MachineInvited(Reply, frozen=True):
    """An invitation."""

    code: str  # secret: whoever has it can join


class ChangesArrived(Event, frozen=True):
    """Changes of other machines wait in the inbox."""

    stream: str  # id of the stream
    sequence: int  # up to which it was taken in


class TeamConnected(Event, frozen=True):
    """The team's server is reached."""

    stream: str  # id of the stream


class TeamDisconnected(Event, frozen=True):
    """The team's server is not reached any more; changes wait here until it is."""

    reason: str  # in words


class StreamReset(Event, frozen=True):
    """The stream was created again, or has lost its end: each machine refills its part."""

    stream: str  # id of the stream as it is now


class StreamRefilled(Event, frozen=True):
    """The stream lacks acknowledged messages of this machine, which publishes them again."""

    project: str  # id


class StreamLimited(Event, frozen=True):
    """The server drops old messages, by a limit that its operator has set."""

    limits: str  # which ones, in words


class ChangeWithheld(Event, frozen=True):
    """A change is not shared: the team's server takes no message of its size."""

    project: str  # id
    revision: int  # of this machine's records
    size: int  # bytes of its message
    largest: int  # bytes that a message may have


class TeamMessageRefused(Event, frozen=True):
    """A message of the stream was not taken in."""

    sequence: int  # in the stream
    subject: str  # that it was published on
    reason: str  # in words
