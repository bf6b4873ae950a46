"""What a machine has of its team from the start: the content of `team.json`. No I/O."""

import secrets

from msgspec import Struct

from iai.team import control, identity
from iai.team.identity import KEY, Identity
from iai.team.invitation import Invitation
from iai.team.stream import Server

VERSION = 1


class Enrolment(Struct, frozen=True, kw_only=True):
    """The team, the machine's place in it, and how to reach the server."""

    version: int = VERSION
    team: str  # its id
    name: str  # for people
    founder: bytes  # public signing key
    server: Server
    identity: Identity
    author: str  # user of this machine
    machine_name: str
    nonce: bytes = b""  # founder only: what makes the id of the team
    secret: bytes = b""  # founder only: others get it when they are let in
    invitation: bytes = b""  # others only: the private key of their invitation
    own: bool = False  # was that for another machine of the user who made it?

    def __repr__(self) -> str:
        """Name the team and the machine, and show no secret."""
        return f"Enrolment({self.team}, {self.identity.machine})"

    @property
    def machine(self) -> str:
        """The id of this machine."""
        return self.identity.machine


def create(name: str, server: Server, author: str, machine_name: str) -> Enrolment:
    """Return what the founder of a new team has."""
    own, nonce = identity.new_identity(), secrets.token_bytes(16)
    return Enrolment(
        team=control.team_id(own.public, nonce),
        name=name,
        founder=own.public.signing,
        server=server,
        identity=own,
        author=author,
        machine_name=machine_name,
        nonce=nonce,
        secret=secrets.token_bytes(KEY),
    )


def accept(invitation: Invitation, author: str, machine_name: str) -> Enrolment:
    """Return what a new machine has that asks to join."""
    return Enrolment(
        team=invitation.team,
        name=invitation.name,
        founder=invitation.founder,
        server=invitation.server,
        identity=identity.new_identity(),
        author=author,
        machine_name=machine_name,
        invitation=invitation.secret,
        own=invitation.own,
    )
