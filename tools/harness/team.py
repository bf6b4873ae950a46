"""Groups that share through real NATS servers: each a machine with a store of its own."""

import time
from pathlib import Path
from typing import Self

from harness.group import Group, wait_until
from harness.nats_servers import NatsServers
from iai.config.layout import Layout
from iai.errors import NoAnswer, Refused
from iai.model.record import Record
from iai.projects.identity import identify
from iai.protocol.ingest import Capture, Captured, CapturedTurn
from iai.protocol.message import Actor, Request
from iai.protocol.replicator import (
    InviteMachine,
    MachineInvited,
    ShareProject,
    TeamReport,
    TeamStatus,
)
from iai.store.readers import Readers
from iai.team import enrolment, invitation, team_file

REMOTE = "https://git.example.org/crew/harbour.git"


class Machine(Group):
    """One machine of a team, with a checkout of the project that the team shares."""

    def __init__(self, name: str, **settings: str) -> None:
        super().__init__(**settings)
        self.name = name
        self.checkout = self.work / "harbour"
        checkout(self.checkout)
        Layout(self.layout.root).create()

    @property
    def project(self) -> str:
        """The id of the project."""
        return identify(str(self.checkout), "").id

    def team(self, deadline_s: float = 60.0) -> TeamReport:
        """Ask the replicator for its report."""
        return self._call(TeamStatus(), deadline_s)

    def records(self) -> list[Record]:
        """Return all records of the machine."""
        readers = Readers(self.layout)
        try:
            with readers.records.view() as view:
                return list(view.every())
        finally:
            readers.close()

    def share(self) -> TeamReport:
        """Share the project."""
        return self._call(ShareProject(project=self.project), 60.0)

    def say(self, text: str, session: str = "s") -> None:
        """Have something said in the checkout."""
        turn = CapturedTurn(text=text, cwd=str(self.checkout), session=session, host="claude")
        with self.client() as client:
            client.call(Actor.INGEST, Capture(turns=(turn,)), Captured, 60.0)

    def _call(self, request: Request, deadline_s: float) -> TeamReport:
        with self.client() as client:
            return client.call(Actor.REPLICATOR, request, TeamReport, deadline_s)


class Crew:
    """Some machines in one team, on servers of their own."""

    def __init__(
        self,
        number: int,
        servers: NatsServers,
        kind: type[Machine] = Machine,
        **settings: str,
    ) -> None:
        self.servers = servers
        self.machines = [kind(f"m{index}", **settings) for index in range(number)]

    def __enter__(self) -> Self:
        try:
            self._begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _begin(self) -> None:
        founder = self.machines[0]
        own = enrolment.create("crew", self.servers.server, "Kim", founder.name)
        team_file.save(founder.layout, own)
        founder.up()
        wait_until(lambda: self._is_in(founder), "the founder has its team")
        for machine in self.machines[1:]:
            self.join(machine)

    def __exit__(self, *_: object) -> None:
        for machine in self.machines:
            machine.destroy()

    def join(self, machine: Machine) -> None:
        """Let a machine in, with an invitation by the founder."""
        with self.machines[0].client() as client:
            invited = client.call(Actor.REPLICATOR, InviteMachine(), MachineInvited, 60.0)
        code = invitation.decode(invited.code, time.time_ns())
        team_file.save(machine.layout, enrolment.accept(code, f"Ada {machine.name}", machine.name))
        machine.up()
        wait_until(lambda: self._is_in(machine), "the machine is let in")

    def _is_in(self, machine: Machine) -> bool:
        try:
            report = machine.team(1.0)
        except (NoAnswer, Refused):
            return False
        return report.state == "connected" and not report.reason


def checkout(path: Path) -> None:
    """Make a checkout that has a remote, which is the same on all machines."""
    (path / ".git").mkdir(parents=True)
    (path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (path / ".git" / "config").write_text(f'[remote "origin"]\n\turl = {REMOTE}\n')
