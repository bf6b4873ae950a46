"""What the map costs at its limit: to make the page, to load it, and to walk in it.

The store has as many topics as the map draws, in windows of twelve with eight central records each,
linked at random. The browser is the system's Chromium, without a window and without a graphics
card. For `SECONDS` each, keys are pressed, the pointer goes over the picture, and nothing happens.
Frame times are those between two calls of `requestAnimationFrame`, which come 60 times a second
where nothing is late. CPU is that of all of Chromium's processes and, of the page's main thread,
that of scripts, styles, and layout, for one key or one step of the pointer.
"""

import os
import random
import shutil
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from harness.group import FOREIGN
from playwright.sync_api import CDPSession, Page, sync_playwright

from benchmarks.pages import fill, page_cost, served
from benchmarks.stats import Stats, load, quantiles
from iai.config.layout import Layout
from iai.model.topic import Topic
from iai.projects.identity import identify
from iai.store.graph import GraphChange, GraphStore
from iai.store.links import Edge
from iai.store.topics import MOST_TOPICS, Window
from iai.ui.topic_map import MOST_NODES

PROJECT = identify("/home/dev/p0").id
MEMBERS, LINKS = 8, 3  # of a topic, of a record
RECORDS = 20_000
SECONDS, EVERY_MS = 3.0, 50  # a key, or a step of the pointer
KEYS = ("ArrowRight", "ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown")
SIZE = (1_440, 900)
FRAMES = """() => {
  window.frames_ms = [];
  let last = 0;
  const next = (now) => {
    if (last) window.frames_ms.push(now - last);
    last = now;
    window.going = requestAnimationFrame(next);
  };
  window.going = requestAnimationFrame(next);
}"""
COUNTED = ("LayoutCount", "RecalcStyleCount")
TIMED = ("ScriptDuration", "RecalcStyleDuration", "LayoutDuration", "TaskDuration")


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--nodes", type=int, default=MOST_NODES, help="topics and records")


def run(args: Namespace) -> Stats:
    with tempfile.TemporaryDirectory(prefix="iai-") as directory:
        layout = Layout(Path(directory) / "store")
        fill(layout, RECORDS)
        layout.index.mkdir(exist_ok=True)
        _find_topics(layout, args.nodes // (1 + MEMBERS))
        others = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
        environment = {**others, "IAI_MCP_STORE": str(layout.root), "HOME": directory}
        with served(environment) as page, _browser() as tab:
            where = f"map?project={PROJECT}"
            stats: Stats = {"load": load(), "page": page_cost(page, where)}
            name, _, value = page.cookie.partition("=")
            tab.context.add_cookies([{"name": name, "value": value, "url": page.base}])
            return stats | _looked_at(tab, page.base + where)


def _find_topics(layout: Layout, count: int) -> None:
    """Find so many topics as a SLEEP would."""
    chance = random.Random(7)  # noqa: S311
    labels = chance.sample(range(1, RECORDS), count * MEMBERS)

    def topic(number: int) -> Topic:
        members = tuple(labels[number * MEMBERS : (number + 1) * MEMBERS])
        return Topic(
            id=f"t{number}", label=f"topic {number}, review, tide", size=chance.randint(8, 400),
            members=members, said=1, revision=1,
        )  # fmt: skip

    def change(unit: GraphChange) -> None:
        for place, first in enumerate(range(0, count, MOST_TOPICS)):
            topics = tuple(map(topic, range(first, min(count, first + MOST_TOPICS))))
            unit.put_window(PROJECT, place, Window(fingerprint=1, revision=1, topics=topics))
        for label in labels:
            unit.keep(label, [Edge(to, "shares", 1.0) for to in chance.sample(labels, LINKS)])

    index = GraphStore(layout.index, writer=True)
    index.commit(change)
    index.close()


@contextmanager
def _browser() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox"] if os.getuid() == 0 else [],
        )
        yield browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
        browser.close()


def _looked_at(tab: Page, address: str) -> Stats:
    meter = Meter(tab)
    loading = meter.during(lambda: tab.goto(address))
    tab.locator("[data-walk]").scroll_into_view_if_needed()
    tab.locator("[data-walk] [data-x]").first.focus()
    keys = iter(KEYS * 1_000)
    box = tab.locator("[data-walk]").bounding_box()
    assert box is not None  # noqa: S101  for mypy
    chance = random.Random(3)  # noqa: S311

    def hover() -> None:
        tab.mouse.move(box["x"] + chance.random() * box["width"],
                       min(SIZE[1] - 1, box["y"] + chance.random() * box["height"]))  # fmt: skip

    return {
        "elements": tab.evaluate("document.querySelectorAll('[data-walk] *').length"),
        "loading": loading,
        "idle": meter.over(tab, lambda: None),
        "keys": meter.over(tab, lambda: tab.keyboard.press(next(keys))),
        "pointer": meter.over(tab, hover),
    }


class Meter:
    """Reads what Chromium has done."""

    def __init__(self, tab: Page) -> None:
        self._devtools: CDPSession = tab.context.new_cdp_session(tab)
        self._devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._processes = [
            one
            for one in psutil.Process().children(recursive=True)
            if "chrom" in one.name() or "chrom" in " ".join(one.cmdline()[:1])
        ]

    def _read(self) -> dict[str, float]:
        answer: Any = self._devtools.send("Performance.getMetrics")
        found = {one["name"]: one["value"] for one in answer["metrics"]}
        times = [one.cpu_times() for one in self._processes if one.is_running()]
        return found | {"cpu": sum(one.user + one.system for one in times)}

    def during(self, act: Callable[[], object], steps: Callable[[], int] = lambda: 1) -> Stats:
        """Return what something took, for each of its steps."""
        before = self._read()
        act()
        after = self._read()
        each = {name: (after[name] - before[name]) / max(1, steps()) for name in after}
        return {
            "CPU of Chromium, ms": round(1_000 * each["cpu"], 1),
            **{f"{name}, ms": round(1_000 * each[name], 2) for name in TIMED},
            **{name: round(each[name], 2) for name in COUNTED},
        }

    def over(self, tab: Page, step: Callable[[], object]) -> Stats:
        """Do something again and again; return what a step took, and the times of frames."""
        done = [0]

        def work() -> None:
            for _ in range(int(SECONDS * 1_000 / EVERY_MS)):
                step()
                tab.wait_for_timeout(EVERY_MS)
                done[0] += 1

        tab.evaluate(FRAMES)
        cost = self.during(work, lambda: done[0])
        frames = tab.evaluate("(cancelAnimationFrame(window.going), window.frames_ms)")
        return {"frames": len(frames), **quantiles(frames, "ms")} | cost
