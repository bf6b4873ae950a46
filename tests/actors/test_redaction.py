"""No secret that ingest is given is stored, whichever way it comes."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from harness.group import Group, wait_until
from harness.planted import KINDS, Planted, planted
from harness.planting import Planting, left_in
from simulation.world import World

from actors.ingest import MOST_HELD
from iai.admin import scrub_check
from iai.admin.doctor import machine
from iai.admin.doctor.finding import Verdict
from iai.config.settings import Settings
from iai.errors import StoreWriteFailed
from iai.ingest.secret_scanner import Kingfisher
from iai.protocol.ingest import (
    Capture,
    Captured,
    CapturedTurn,
    Changed,
    Edit,
    Import,
    ImportProgress,
    ImportStatus,
    PurgeProgress,
    PurgeSecrets,
    PurgeStatus,
    SpoolRejected,
)
from iai.protocol.message import Actor, Error, ErrorCode, Reply
from iai.redaction.finding import Finding
from iai.redaction.redactor import Redactor
from iai.redaction.user_rules import UserRules
from iai.session_start import pending
from tests.simulation.stories import capture, events, revision, spool, texts, transcript_line

Make = Callable[..., World]
SECRETS = planted(len(KINDS), 11)
DENSE = "zq9f8e7d6c5b4a39f8e7d6c5"  # that only the library can judge
SECRET = next(secret for secret in SECRETS if secret.kind == "github")


def stored(world: World) -> list[tuple[str, bytes]]:
    """Return the files of the records and the spool."""
    root = world.layout.root
    places = (world.layout.records, root / "spool")
    paths = [path for place in places for path in place.rglob("*") if path.is_file()]
    return [(str(path.relative_to(root)), path.read_bytes()) for path in paths]


def left(world: World, *secrets: Planted) -> list[str]:
    return left_in(secrets or (SECRET,), stored(world))


def finished(world: World, first: Reply, ask: ImportStatus | PurgeStatus) -> Any:
    progress = first
    while not getattr(progress, "done", True):
        world.run(0.1)
        progress = world.answer(Actor.INGEST, ask)
    return progress


def test_notes_edits_and_tags_are_redacted_and_counted(world: Make) -> None:
    w = world()
    for secret in SECRETS:
        capture(w, f"note {secret.text}", tags=(secret.text,))
    w.answer(Actor.INGEST, Edit(ref="#1", text=f"now {SECRET.text}"))
    assert left(w, *SECRETS) == []
    with w.records.view() as view:
        record = view.get(1)
        assert record is not None
        assert record.redactions == ("github-token",)
        assert sum(view.redacted().values()) == len(SECRETS) + 1


def test_a_text_with_a_secret_is_stored_once(world: Make) -> None:
    w = world()
    capture(w, SECRET.text)
    assert capture(w, SECRET.text).duplicates == 1


def test_an_event_that_waits_for_its_transcript_is_redacted_meanwhile(world: Make) -> None:
    w = world()
    spool(w, "e", transcript_path="/nowhere.jsonl", prompt=SECRET.text, prompt_id="1")
    w.run(2.0)
    assert [path.suffix for path in w.layout.spool_new.iterdir()] == [".awaits"]
    assert left(w) == []
    w.run(65.0)
    assert len(texts(w)) == 1
    assert left(w) == []


def test_what_is_not_read_of_an_event_that_waits_is_not_kept(world: Make) -> None:
    w = world()
    spool(w, "e", transcript_path="/nowhere.jsonl", prompt="go on", custom_instructions=SECRET.text)
    w.run(2.0)
    assert [path.suffix for path in w.layout.spool_new.iterdir()] == [".awaits"]
    assert left(w) == []


def test_what_is_no_event_is_redacted_and_put_aside(world: Make) -> None:
    w = world()
    (w.layout.spool_new / "bad.json").write_text(f'{{"prompt": "{SECRET.secret}", "and')
    w.run(2.0)
    kept = (w.layout.spool_bad / "bad.json").read_text()
    assert kept.startswith('{"prompt": "[redacted: github-token #')
    assert left(w) == []


def test_a_call_that_waits_for_its_result_is_stored_without_its_secrets(world: Make) -> None:
    w = world()
    path = w.layout.root / "s1.jsonl"
    use = {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": SECRET.text}}
    message = {"role": "assistant", "content": [use]}
    path.write_text(
        transcript_line(0, "go", w)
        + transcript_line(1, "", w, message=message)
        + json.dumps({"type": "custom-title", "customTitle": SECRET.text, "sessionId": "s1"})
        + "\n"
    )
    spool(w, "e", hook_event_name="SessionEnd", transcript_path=str(path))
    w.run(300.0)  # until the file is not followed any longer
    with w.records.view() as view:
        (state,) = view.transcripts()
    assert [call.action.text for call in state.calls] == [w.redactor.text(SECRET.text)]
    assert left(w) == []


def test_an_import_reports_what_was_redacted(world: Make) -> None:
    w = world()
    path = w.layout.root / "past.jsonl"
    path.write_text("".join(transcript_line(n, one.text, w) for n, one in enumerate(SECRETS)))
    started = w.answer(Actor.INGEST, Import(paths=(str(path),)))
    assert isinstance(started, ImportProgress)
    done = finished(w, started, ImportStatus(job=started.job))
    assert sum(done.redacted.values()) == len(SECRETS)
    assert left(w, *SECRETS) == []


def test_a_session_that_turned_capture_off_is_left_out_also_by_an_import(world: Make) -> None:
    w = world()
    path = w.layout.root / "s1.jsonl"
    path.write_text(transcript_line(0, "nobody shall know", w) + transcript_line(1, "no", w))
    off = spool(w, "0", hook_event_name="CaptureOff", cwd="")
    waiting = pending.read(w.layout, w.records, w.now.wall, str)
    spool(w, "e", hook_event_name="Stop", transcript_path=str(path), prompt="nobody shall know")
    spool(w, "f", prompt="nobody shall know this either", prompt_id="1")
    w.run(2.0)
    started = w.answer(Actor.INGEST, Import(paths=(str(path),)))
    assert isinstance(started, ImportProgress)
    finished(w, started, ImportStatus(job=started.job))
    assert not off.exists()
    assert texts(w) == []
    assert waiting.turns == pending.read(w.layout, w.records, w.now.wall, str).turns == ()
    assert not any(b"nobody shall know" in data for _, data in stored(w))
    with w.records.view() as view:
        assert view.projects() == []


def test_pending_turns_are_redacted_before_a_session_starts_with_them(world: Make) -> None:
    w = world()
    w.run(1.0)
    path = w.layout.root / "s2.jsonl"
    path.write_text(transcript_line(0, SECRET.text, w))
    spool(w, "e", transcript_path=str(path))
    spool(w, "f", prompt=f"heard {SECRET.text}", session_id="s3")
    found = pending.read(w.layout, w.records, w.now.wall, w.redactor.text)
    assert len(found.turns) == 2
    assert not any(SECRET.secret in turn.text for turn in found.turns)


class Held(Kingfisher):
    """A library whose rules are loaded when the test says so."""

    def __init__(self) -> None:
        super().__init__(Path("/nowhere"))
        self.gate = Event()

    def _load(self) -> None:
        self.gate.wait()


def test_nothing_is_stored_while_the_rules_are_loaded_and_all_of_it_after(world: Make) -> None:
    held = Held()
    w = world(library=held)
    spool(w, "e", prompt=f"first {DENSE}", prompt_id="1")
    w.run(2.0)
    asked = w.ask(Actor.INGEST, Capture(turns=(CapturedTurn(text=f"then {DENSE}"),)))
    w.run(2.0)
    assert texts(w) == []
    assert asked not in w.replies
    held.gate.set()
    held.wait()
    w.run(2.0)
    assert sorted(texts(w)) == [f"first {DENSE}", f"then {DENSE}"]
    assert isinstance(w.replies[asked], Captured)


def test_requests_beyond_a_limit_are_refused_while_the_rules_are_loaded(world: Make) -> None:
    held = Held()
    w = world(library=held)
    asked = [
        w.ask(Actor.INGEST, Capture(turns=(CapturedTurn(text=f"{n} {DENSE}"),)))
        for n in range(MOST_HELD + 2)
    ]
    w.run(1.0)
    refused = [w.replies.get(one) for one in asked[MOST_HELD:]]
    assert [r.code for r in refused if isinstance(r, Error)] == [ErrorCode.BUSY] * 2
    assert not any(one in w.replies for one in asked[:MOST_HELD])
    held.gate.set()
    held.wait()
    w.run(1.0)
    assert all(isinstance(w.replies[one], Captured) for one in asked[:MOST_HELD])


def test_a_held_request_that_fails_is_answered_and_leaves_the_others(
    world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held()
    w = world(library=held)
    asked = [
        w.ask(Actor.INGEST, Capture(turns=(CapturedTurn(text=f"{n} {DENSE}"),))) for n in range(3)
    ]
    w.run(1.0)
    held.gate.set()
    held.wait()
    commit, failures = w.records.commit, iter([StoreWriteFailed("the disk failed")])

    def fails_once(*args: Any, **kwargs: Any) -> Any:
        for failure in failures:
            raise failure
        return commit(*args, **kwargs)

    monkeypatch.setattr(w.records, "commit", fails_once)
    with suppress(StoreWriteFailed):  # the runtime would try again later
        w.run(1.0)
    w.run(1.0)
    first, *others = (w.replies[one] for one in asked)
    assert isinstance(first, Error)
    assert (first.code, first.detail) == (ErrorCode.FAILED, "the disk failed")
    assert all(isinstance(other, Captured) for other in others)


def test_what_was_stored_before_is_redacted_by_todays_rules(world: Make) -> None:
    w = world()
    rules, w.redactor = w.redactor, Redactor(b"k", own=None)
    w.crash(Actor.INGEST)
    w.run(3.0)
    path = w.layout.root / "s1.jsonl"
    use = {"type": "tool_use", "id": "t1", "name": "WebFetch", "input": {"url": SECRET.text}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "page"}
    path.write_text(
        transcript_line(0, SECRET.text, w)
        + transcript_line(1, "", w, message={"role": "assistant", "content": [use]})
        + transcript_line(2, "", w, message={"role": "user", "content": [result]})
        + transcript_line(3, "done", w)
        + json.dumps({"type": "custom-title", "customTitle": SECRET.text, "sessionId": "s1"})
        + "\n"
    )
    spool(w, "e", transcript_path=str(path))
    (w.layout.spool_new / "bad.json").write_text(f'{{"prompt": "{SECRET.secret}", "and')
    w.run(2.0)
    rejected = w.layout.spool_bad / "bad.json"
    assert SECRET.secret in rejected.read_text()
    w.redactor = rules
    w.crash(Actor.INGEST)
    w.run(3.0)
    before = revision(w)

    def purged(*, dry_run: bool) -> PurgeProgress:
        started = w.answer(Actor.INGEST, PurgeSecrets(dry_run=dry_run))
        progress = finished(w, started, PurgeStatus())
        assert isinstance(progress, PurgeProgress)
        return progress

    counted = purged(dry_run=True)
    assert (counted.changed, counted.redacted) == (3, {"github-token": 3})
    assert revision(w) == before
    done = purged(dry_run=False)
    assert (done.changed, done.redacted) == (3, {"github-token": 3})
    assert revision(w) > before
    assert purged(dry_run=False).changed == 0
    assert SECRET.secret not in rejected.read_text()
    assert rejected.read_text().startswith('{"prompt": "[redacted: github-token #')
    with w.records.view() as view:
        seen = [*(record.text for record in view.after(0))]
        seen += [action.text for _, action in view.actions_from(b"")]
        seen += [info.title for _, info in view.sessions_from(b"")]
        seen += [state.title for state in view.transcripts()]
    assert not any(SECRET.secret in text for text in seen)
    assert isinstance(w.answer(Actor.INGEST, Edit(ref="#1", text="edited")), Changed)


def test_a_purge_of_many_slices_ends_in_one_scrub_of_the_records(
    world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = world()
    rules, w.redactor = w.redactor, Redactor(b"k", own=None)
    w.crash(Actor.INGEST)
    w.run(3.0)
    for number in range(6):
        capture(w, f"{number} {SECRET.text}")
    w.redactor = rules
    w.crash(Actor.INGEST)
    w.run(3.0)
    scrub, scrubbed = w.records.scrub, list[int]()

    def counted(mark: int, room_s: float) -> bool:
        done = scrub(mark, room_s)
        scrubbed.extend([mark] * done)
        return done

    monkeypatch.setattr(w.records, "scrub", counted)
    monkeypatch.setattr("iai.ingest.purge.A_SLICE", 2)
    progress = finished(w, w.answer(Actor.INGEST, PurgeSecrets()), PurgeStatus())
    assert progress.changed == 6
    w.run(10.0)
    assert scrubbed == [progress.revision]
    assert left(w) == []


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the compiled rules of the library: compiling them takes 4 s of CPU."""
    rules = tmp_path_factory.mktemp("library") / "rules"
    Kingfisher(rules).wait()
    return rules


@pytest.mark.slow
def test_no_byte_of_a_secret_is_in_the_store_the_next_start_or_an_answer(rules: Path) -> None:
    secrets, later = planted(2 * len(KINDS), 21), planted(len(KINDS), 22)
    with Group(session_cache_refresh_min_sec="0") as group:
        planting = Planting(group, rules)
        planting.plant(secrets)
        group.settle()
        assert left_in(secrets, planting.files()) == []
        assert left_in(secrets, planting.recalls(secrets[:2])) == []
        counted = sum(group.json("status")["redacted"].values())
        assert counted >= len(secrets) * 13 // 14, "of 14 ways in, that of a branch is not counted"
        planting.pend(later)
        assert left_in([*secrets, *later], planting.starts()) == []


@pytest.mark.slow
def test_purging_leaves_no_byte_of_a_secret_in_any_file_of_the_store(rules: Path) -> None:
    secrets = planted(len(KINDS), 31)
    with Group(redact="off", session_cache_refresh_min_sec="0") as group:
        planting = Planting(group, rules)
        planting.plant(secrets)
        group.settle()
        start = {"session_id": "next", "cwd": str(planting.cwd), "source": "startup"}
        given = group.hook("session-recall", start | {"hook_event_name": "SessionStart"})
        assert left_in(secrets, [("start", given.stdout.encode())]) != []
        names = [one.partition(" in ")[2] for one in left_in(secrets, planting.files())]
        assert {name.split("/")[0] for name in names} >= {"records", "session-start"}
        group.down()
        del group.environment["IAI_MCP_REDACT"]
        group.up()
        done = group.json("purge-secrets")
        assert done["changed"] > 0
        wait_until(lambda: not scrub_check.left(group.layout), "every stage has scrubbed it")
        group.settle()
        assert left_in(secrets, planting.files()) == []
        assert left_in(secrets, planting.recalls(secrets[:3])) == []


def test_an_event_that_cannot_be_searched_is_set_aside_as_it_is_and_the_rest_is_stored(
    world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = world()
    search = w.redactor._findings

    def fail(text: str, own: UserRules) -> list[Finding]:
        if "poison" in text:
            raise RecursionError
        return search(text, own)

    monkeypatch.setattr(w.redactor, "_findings", fail)
    event = spool(w, "bad", prompt="the poison", prompt_id="1")
    written = event.read_bytes()
    spool(w, "good", prompt="the cure", prompt_id="2")
    w.run(2.0)
    assert texts(w) == ["the cure"]
    kept = w.layout.spool_bad / "bad.unsearchable"
    assert kept.read_bytes() == written
    (rejected,) = events(w, SpoolRejected)
    assert rejected.reason.endswith("10 characters cannot be searched for secrets: RecursionError")
    found = {one.check: one for one in machine.checks(w.layout, {}, Settings(store=w.layout.root))}
    assert found["bad events"].verdict is Verdict.FAIL
    assert str(kept.parent) in found["bad events"].todo
