"""What `iai status`, `iai doctor` and the page say of a team."""

import re
from typing import Any

import pytest
from msgspec import structs

from iai.admin import status, team
from iai.admin.doctor import team as doctor
from iai.admin.doctor.finding import Verdict
from iai.admin.team import Team
from iai.cli.status import LOOKS
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.mcp import schemas
from iai.mcp.calls import Memory
from iai.model.clock import NS
from iai.protocol.replicator import TeamPeer, TeamProject, TeamReport
from iai.ui.now import LiveState
from iai.ui.render import ago, environment

WALL = 1_700_000_000_000_000_000
KIM = TeamPeer(
    machine="bb" * 8, author="Kim", name="quay", heard_at=WALL - 4 * NS, waiting=0, missing=False,
    behind_since=0,
)  # fmt: skip
SHARED = TeamProject(project="p" * 16, unpublished=0, unpublished_since=0, blocked="")
REPORT = TeamReport(
    team="t" * 16, name="harbour", machine="aa" * 8, state="connected", since=WALL - 7_200 * NS,
    reason="", pending=0, waiting=0, refused=0, peers=(KIM,), projects=(SHARED,),
)  # fmt: skip


def lines(report: TeamReport) -> list[tuple[str, str, str]]:
    said = Team(report=report, projects={"p" * 16: "ledger"}).lines(WALL)
    return [(line.about, line.said, line.level) for line in said]


PEERS: list[tuple[str, dict[str, Any], str, str]] = [
    ("current", {}, "current, heard from 4.0 s ago", "ok"),
    (
        "some of it waits",
        {"waiting": 12, "behind_since": WALL - 2 * NS},
        "behind by 12 changes for 2.0 s",
        "warn",
    ),
    (
        "something is missing",
        {"missing": True, "behind_since": WALL - 300 * NS},
        "behind for 5 min: something that it published has not arrived",
        "warn",
    ),
    (
        "both",
        {"waiting": 1, "missing": True, "behind_since": WALL - 300 * NS},
        "behind by 1 change for 5 min; something that it published has not arrived",
        "warn",
    ),
    (
        "silent",
        {"heard_at": WALL - 3_600 * NS},
        "not heard from since 2023-11-14 21:13:20 UTC (1 h)",
        "ok",
    ),
    (
        "behind and silent",
        {"waiting": 3, "behind_since": WALL - 3_700 * NS, "heard_at": WALL - 3_600 * NS},
        "behind by 3 changes for 1 h; not heard from since 2023-11-14 21:13:20 UTC (1 h)",
        "warn",
    ),
    ("never there", {"heard_at": 0}, "nothing heard from it yet; it may share no project", "ok"),
]


@pytest.mark.parametrize(
    ("fields", "said", "level"), [p[1:] for p in PEERS], ids=[p[0] for p in PEERS]
)
def test_each_machine_is_current_or_behind_or_silent(
    fields: dict[str, Any], said: str, level: str
) -> None:
    report = structs.replace(REPORT, peers=(structs.replace(KIM, **fields),))
    assert lines(report)[-1] == ("Kim on quay", said, level)


def test_another_machine_of_ones_own_is_called_as_recall_calls_it() -> None:
    report = structs.replace(REPORT, peers=(structs.replace(KIM, own=True),))
    assert lines(report)[-1][0] == "you on quay"


OWN: list[tuple[dict[str, Any], list[tuple[str, str, str]]]] = [
    ({}, [("own changes", "all published, of 1 shared project", "ok")]),
    (
        {"unpublished": 14, "unpublished_since": WALL - 3 * NS},
        [("own changes", "14 changes not yet published, for 3.0 s", "warn")],
    ),
    (
        {"unpublished": 1_000, "unpublished_since": WALL - 3_600 * NS},
        [("own changes", "at least 1000 changes not yet published, for 1 h", "warn")],
    ),
    (
        {"blocked": "there is no key\nyet"},
        [
            ("own changes", "all published, of 1 shared project", "ok"),
            ("project ledger", "there is no key yet", "fail"),
        ],
    ),
]


@pytest.mark.parametrize(("fields", "said"), OWN)
def test_what_is_not_yet_published_is_counted(
    fields: dict[str, Any], said: list[tuple[str, str, str]]
) -> None:
    report = structs.replace(REPORT, projects=(structs.replace(SHARED, **fields),), peers=())
    assert lines(report)[1:] == said


def test_where_no_project_is_shared_nothing_is_published() -> None:
    assert lines(structs.replace(REPORT, projects=()))[1][1] == "no project is shared"


def test_the_server_is_reached_or_not_and_says_why() -> None:
    assert lines(REPORT)[0] == ("server", "harbour, connected for 2 h", "ok")
    away = structs.replace(REPORT, state="disconnected", reason="refused\x1b[31m", since=WALL - NS)
    assert lines(away)[0] == ("server", "harbour, not connected for 1.0 s: refused[31m", "warn")
    busy = structs.replace(REPORT, pending=40, refused=1, peers=())
    assert lines(busy)[2:] == [
        ("incoming", "40 messages still to be taken in", "warn"),
        ("refused", "1 message refused since the start", "ok"),
    ]


def test_nobody_is_current_while_the_server_is_away() -> None:
    away = structs.replace(REPORT, state="disconnected")
    assert lines(away)[-1][1] == "current when it was last heard from, 4.0 s ago"


def test_without_a_team_nobody_is_asked_and_nothing_is_said(layout: Layout) -> None:
    layout.create()
    assert team.measure(layout) is None
    assert list(doctor.checks(layout)) == []
    document, text = status.collect(Settings(store=layout.root))
    assert document["team"] is None
    assert not re.search("^team", text, re.MULTILINE)


def test_a_replicator_that_does_not_answer_is_said_to_be_so(layout: Layout) -> None:
    layout.create()
    layout.team_file.write_text("{}")
    _, text = status.collect(Settings(store=layout.root))
    said = "it is not known how current it is: iai is not running, so nothing is exchanged"
    assert f"\nteam       {said}" in text
    (found,) = doctor.checks(layout)
    assert (found.check, found.verdict, found.said) == ("team: server", Verdict.FAIL, said)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> TeamReport:
    """Have the replicator say that Kim's machine has been behind for an hour."""
    late = structs.replace(KIM, waiting=3, behind_since=WALL - 3_600 * NS, heard_at=WALL)
    report = structs.replace(REPORT, peers=(late, structs.replace(KIM, author="<b>Lee")))
    monkeypatch.setattr(team, "measure", lambda _: Team(report=report))
    return report


def test_status_has_a_line_for_each_machine(layout: Layout, told: TeamReport) -> None:
    document, text = status.collect(Settings(store=layout.root))
    block = text[text.index("\nteam ") + 1 :].splitlines()
    assert block[0].startswith("team       harbour, connected for ")
    assert block[2].startswith("  Kim on quay          behind by 3 changes for ")
    assert document["team"]["report"]["peers"][0]["waiting"] == told.peers[0].waiting
    warned = [look for look in LOOKS if "warn" in look.groupindex and look.search(block[2])]
    assert len(warned) == 1


@pytest.mark.usefixtures("told")
def test_the_status_of_mcp_has_the_same_lines(layout: Layout) -> None:
    layout.create()
    settings = Settings(store=layout.root)
    result = Memory(settings, start=False).answer(schemas.Status()).result
    assert isinstance(result, schemas.StatusResult)
    document, _ = status.collect(settings)
    shown = [(one.about, one.level, one.todo) for one in result.team]
    assert shown == [(d["about"], d["level"], d["todo"]) for d in document["team"]["lines"]]
    assert "behind by 3 changes" in result.team[2].said


@pytest.mark.usefixtures("told")
def test_the_doctor_warns_of_a_machine_that_stays_behind(layout: Layout) -> None:
    found = {one.check: one.verdict for one in doctor.checks(layout)}
    assert found["team: Kim on quay"] is Verdict.WARN
    assert found["team: server"] is found["team: own changes"] is Verdict.OK


@pytest.mark.usefixtures("told")
def test_the_page_shows_the_team(layout: Layout) -> None:
    layout.create()
    document = LiveState(Settings(store=layout.root)).live(WALL)
    page = environment().get_template("_state.html").render(document, ago=ago(WALL))
    assert 'id="team"' in page
    assert "behind by 3 changes" in page
    assert "&lt;Lee" not in page
