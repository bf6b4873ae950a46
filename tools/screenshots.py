"""Takes pictures of the local page over the invented sessions of the tests, on a store of its own.

The sessions go through the real hooks, line by line, so that there is a past to see.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from harness.group import CHECKOUT, PATIENCE_S, Group, wait_until
from playwright.sync_api import sync_playwright

SAMPLES = CHECKOUT / "tests" / "samples"
SESSIONS = (
    ("claude/ledgerline-reconcile.jsonl", "/home/dev/ledgerline"),
    ("claude/tidepool-service-worker.jsonl", "/home/dev/tidepool-web"),
    ("claude/ledgerline-balance.jsonl", "/home/dev/ledgerline"),
    ("codex/rollout-*.jsonl", "/home/dev/ledgerline"),
)
PICTURES = {
    "now": ("now", 1_000),
    "next": ("next?project={project}", 1_000),
    "search": ("search?q=how+often+do+we+try+again", 1_000),
}
_SAYS = re.compile('"type":"user"|"role":"user"')


def main(place: Path) -> None:
    """Write the pictures into a directory."""
    with Group(session_cache_refresh_min_sec="1") as group:
        group.up()
        for sample, cwd in SESSIONS:
            (path,) = SAMPLES.glob(sample)
            _hold(group, path, cwd)
        note = ("Retries: never more than 3, always with tenacity.", "--pin")
        group.json("remember", *note, "--project", "ledgerline")
        group.settle()
        for source in ("startup", "startup", "resume"):
            _event(group, "SessionStart", f"next-{source}", Path(), SESSIONS[0][1], source)
        _take(group, place)


def _hold(group: Group, sample: Path, cwd: str) -> None:
    """Hold a session as its host does: a line of the transcript at a time, and its hooks."""
    transcript = group.work / "host" / sample.parent.name / sample.name
    transcript.parent.mkdir(parents=True, exist_ok=True)
    with transcript.open("a") as file:
        for line in sample.read_text().splitlines(keepends=True):
            file.write(line)
            file.flush()
            if _SAYS.search(line):
                _event(group, "UserPromptSubmit", sample.stem, transcript, cwd)
    for name in ("Stop", "SessionEnd"):
        _event(group, name, sample.stem, transcript, cwd)
    wait_until(lambda: group.json("timeline")["sessions"], "it is stored")


def _event(
    group: Group, name: str, session: str, transcript: Path, cwd: str, source: str = ""
) -> None:
    event = {
        "session_id": session,
        "transcript_path": str(transcript),
        "cwd": cwd,
        "hook_event_name": name,
        **({"source": source} if source else {}),
    }
    group.hook("session-recall" if source else "turn-capture", event)


def _take(group: Group, place: Path) -> None:
    projects = group.json("project", "list")["projects"]
    project = next(one["id"] for one in projects if one["name"] == "ledgerline")
    page = subprocess.Popen(
        [sys.executable, "-m", "iai", "ui", "--no-open"], env=group.environment,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    address = next(iter(page.stdout or ())).strip()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox"] if os.getuid() == 0 else [],
        )
        tab = browser.new_page(viewport={"width": 1_200, "height": 1_000})
        tab.goto(address)
        for name, (where, height) in PICTURES.items():
            tab.set_viewport_size({"width": 1_200, "height": height})
            tab.goto(address.partition("?")[0] + where.format(project=project))
            tab.screenshot(path=place / f"ui-{name}.png")
        browser.close()
    page.terminate()
    page.communicate(timeout=PATIENCE_S)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
