"""Start iai on the store: $IAI_MCP_STORE, by default ~/.iai-mcp.

With --detach it runs in the background. Without, it stays in the foreground and logs to standard
error, as service managers expect (see `iai service`). If iai is already running, nothing happens.

example: iai up --detach
"""

import os
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from typing import Any

from iai.admin import backup, encryption, set_back
from iai.admin.doctor import backups
from iai.cli import import_progress, passphrase
from iai.cli.output import answer, print_json
from iai.cli.progress import bar
from iai.config.layout import Layout, private
from iai.config.settings import Settings
from iai.encryption import key_pipe, keys
from iai.errors import (
    BadUsage,
    IaiError,
    NoAnswer,
    StoreBusy,
    StoreError,
    StoreLocked,
    StoreOutdated,
)
from iai.install import scripts
from iai.process import lock
from iai.process.build import build
from iai.process.client import Client
from iai.protocol.message import Actor
from iai.protocol.supervisor import Health, HealthReport
from iai.store.records import Records

PATIENCE_S = 30.0


class GroupFailed(IaiError):
    """The group exited while it was starting."""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--detach", action="store_true", help="run in the background; return when it is ready"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON document (with --detach)"
    )


def run(args: Namespace, settings: Settings) -> int:
    if args.json and not args.detach:
        raise BadUsage("--json works only with --detach")
    # -P: the current directory may contain a package of that name.
    command = [sys.executable, "-P", "-m", "actors"]
    layout = Layout(settings.store)
    try:
        scripts.refresh(layout)
    except StoreError as error:  # iai works with old hooks
        print(f"iai: {error}", file=sys.stderr)
    if not args.detach:
        upgrade(layout, settings)
        command += key_pipe.give().words
        os.execv(sys.executable, command)  # noqa: S606  a service manager expects one process
    with Client(layout) as client:
        if client.running():
            report = _wait(client, None, PATIENCE_S)
            _require_same_version(report)
            said = f"iai is already running on {report.store} (pid {report.pid})"
            answer(args, _document(report, started=False), [said])
            return 0
        layout.create()
        upgrade(layout, settings)
        started = time.monotonic()
        process = _launch(command, layout)
        with bar("starting"):
            report = _wait(client, process, PATIENCE_S)
    if args.json:
        print_json(_document(report, started=True))
        return 0 if all(actor.state == "ready" for actor in report.actors) else 1
    ready = _report_started(report, layout, time.monotonic() - started)
    if ready:
        import_progress.offer(layout)
    return 0 if ready else 1


def _require_same_version(report: HealthReport) -> None:
    """Raise GroupFailed if another version runs."""
    if report.version != (own := build()):
        raise GroupFailed(
            f"iai {report.version} is running on {report.store}, but this is iai {own};"
            " run `iai down` first"
        )


def _report_started(report: HealthReport, layout: Layout, seconds: float) -> bool:
    """Say what became of each process; return whether all are ready."""
    failed = [actor for actor in report.actors if actor.state == "failed"]
    for actor in failed:
        problem = f"{actor.actor} failed: {actor.last_exit}; see {layout.group_log}"
        print(f"iai: {problem}", file=sys.stderr)
    every = len(report.actors)
    print(f"{every - len(failed)} of {every} processes ready in {seconds:.1f} s on {layout.root}")
    return not failed


def _launch(command: list[str], layout: Layout) -> "subprocess.Popen[bytes]":
    """Start the group in the background, and hand down the keys of an encrypted store."""
    private(layout.logs)
    unlocked = key_pipe.give()
    try:
        with layout.group_log.open("ab") as log:
            os.fchmod(log.fileno(), 0o600)
            return subprocess.Popen(  # noqa: S603
                [*command, *unlocked.words],
                pass_fds=unlocked.descriptors,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )
    finally:
        for descriptor in unlocked.descriptors:
            os.close(descriptor)


def _document(report: HealthReport, *, started: bool) -> dict[str, Any]:
    """Return what --json prints; `started`: by this command."""
    actors = {actor.actor: actor.state for actor in report.actors}
    return {"started": started, "pid": report.pid, "store": report.store, "actors": actors}


def upgrade(layout: Layout, settings: Settings) -> None:
    """Unlock the store, and do what the group must not start before.

    That is to complete an encryption that was cut short, and to migrate records of an earlier iai.
    Of a million records that takes longer than the start of a process may. What else may be wrong
    with them is for their owner to say. Raises StoreLocked.
    """
    passphrase.unlock(layout, settings)
    encryption.check_unlocked(layout)
    _complete_encryption(layout)
    if backup.cut_short(layout):
        raise StoreError(
            f"a restore of {layout.root} was cut short: run it again; what was there before is in"
            f" {layout.backups}"
        )
    if good := backups.gone(layout):
        raise StoreError(
            f"{layout.records} has no records any more, so iai does not begin anew beside"
            f" {good.path}: `iai doctor --fix` restores it; move it away to begin anew"
        )
    for path in set_back.discard(layout):
        said = f"{path} was made from changes that the records do not have: it is made again"
        print(f"iai: {said}", file=sys.stderr)
    try:
        Records(layout.records).close()
    except StoreOutdated:
        print("iai: upgrading the records; a copy of them is put into backups/", file=sys.stderr)
        with suppress(StoreBusy):  # another start does it
            Records(layout.records, writer=True).close()
    except StoreLocked:
        raise
    except StoreError:
        pass


def _complete_encryption(layout: Layout) -> None:
    found = keys.read(layout.root)
    if found is None or found.state == "on":
        return
    lease = lock.take(layout.lease, lock.GLANCE_S)
    if lease is None:  # a group runs, so somebody else has done it
        return
    try:
        print(f"iai: {found.state} was cut short; completing it", file=sys.stderr)
        encryption.complete(layout, lambda line: print(f"iai: {line} ...", file=sys.stderr))
    finally:
        lease.release()


def _wait(
    client: Client, process: "subprocess.Popen[bytes] | None", patience_s: float
) -> HealthReport:
    """Wait until every process is ready or has failed.

    If another group started first, also wait until `process` has noticed and exited. Otherwise it
    could start a group later, after the other was stopped, that nobody asked for.
    """
    deadline = time.monotonic() + patience_s
    report = None
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None and not client.running():
            raise GroupFailed(f"iai exited with code {process.returncode}; see its log")
        try:
            report = client.call(Actor.SUPERVISOR, Health(), HealthReport, 1.0)
        except IaiError:
            time.sleep(0.02)
            continue
        decided = process is None or process.pid == report.pid or process.poll() is not None
        if decided and all(actor.state in ("ready", "failed") for actor in report.actors):
            return report
        time.sleep(0.02)
    raise NoAnswer(f"iai was not ready within {patience_s:g} s; see `iai status`")
