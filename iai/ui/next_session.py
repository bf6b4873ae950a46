"""The page of the next session: its text, section by section, each line with its source."""

import re
from collections.abc import Iterator

from msgspec import Struct

from iai.admin import preview
from iai.config.settings import Settings
from iai.model import framing
from iai.model.memo import Latest
from iai.model.record import Record
from iai.payload import budget
from iai.payload.sessions import Memo
from iai.store.record_view import RecordView
from iai.ui import charts, deliveries
from iai.ui.page_request import Document, PageRequest, choices, chosen

PROJECTS = 40  # whose latest sessions are kept
_HEADING = "## "
_QUOTED = "> "
# Where `iai.payload` puts the number of the record that a line was made from: before a
# quotation, before what a session came to, or at the end. Numbers elsewhere are part of the text.
_SOURCES = (
    re.compile(r"#(\d{1,19}), [^:]*:$"),
    re.compile(r"- .*?\(#(\d{1,19})\) -> "),
    re.compile(r".*\(#(\d{1,19})(?:, (?:answer|refusal))?\)$"),
)


class Item(Struct, frozen=True, kw_only=True):
    """One line of the text with the quotation below it, and the record that it was made from."""

    text: str
    label: int = 0  # 0: it was made from more than one, or from none
    pinned: bool = False
    dismissed: bool = False


class Section(Struct, frozen=True, kw_only=True):
    """One section; the first has no heading, and says what the text is."""

    heading: str
    items: list[Item]
    tokens: int


class NextSession:
    """The page, which is looked at again and again: it keeps the sessions that it has read."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._memo: Memo = Latest(PROJECTS)
        self._longest_s: dict[str, float] = Latest(PROJECTS)  # a hook reads them all: by directory

    def show(self, request: PageRequest) -> Document:
        """Return the text of the next session in a project, exactly as its hook prints it."""
        with request.records() as view:
            projects = choices(view)
            project = chosen(request, projects) or (projects[0] if projects else None)
            directories = _directories(view, project.id) if project else []
        directory = request.exact("directory")
        if directory not in directories:
            directory = project.root if project else "/"
        found = preview.composed_here(self._settings, directory, request.wall, self._memo)
        longest_s = max(found.composed_s, self._longest_s.get(directory, 0.0))
        self._longest_s[directory] = longest_s
        with request.records() as view:
            read = list(sections(found.text, view))
            changed = view.changed(project.id) if project else 0
        used = budget.tokens(found.text)
        return {
            "projects": projects,
            "project": project,
            "directories": directories,
            "directory": directory,
            "sections": read,
            "text": found.text,
            "origin": _origin(found.origin),
            "composed_s": longest_s,
            "reason": deliveries.reason(found.reason),
            "hook_s": preview.HOOK_S,
            "late": changed > framing.revision(found.text),
            "within_s": self._settings.refresh_min_s,
            "tokens": used,
            "most": budget.TOKENS,
            "characters": len(found.text),
            "most_characters": budget.CHARACTERS,
            "bar": charts.stack([(one.heading, one.tokens) for one in read], budget.TOKENS),
        }


def sections(text: str, view: RecordView) -> Iterator[Section]:
    """Yield the sections of a session-start text; its frame is left out."""
    heading = ""
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(framing.OPENING) or line == framing.CLOSING:
            continue
        if line.startswith(_HEADING):
            yield from _section(heading, lines, view)
            heading, lines = line.removeprefix(_HEADING), []
        elif line.strip():
            lines.append(line)
    yield from _section(heading, lines, view)


def _section(heading: str, lines: list[str], view: RecordView) -> Iterator[Section]:
    if not heading and not lines:
        return
    items: list[str] = []
    for line in lines:
        # A quotation can be cut in the middle, and the words about that have no mark.
        below = items and _SOURCES[0].match(items[-1].partition("\n")[0])
        if below and (line.startswith((_QUOTED, "[...")) or not _SOURCES[0].match(line)):
            items[-1] += f"\n{line}"
        else:
            items.append(line)
    whole = "\n".join([*([_HEADING + heading] if heading else []), *lines])
    yield Section(
        heading=heading,
        items=[_item(text, view) for text in items] if heading else [Item(text=t) for t in items],
        tokens=budget.tokens(whole),
    )


def _item(text: str, view: RecordView) -> Item:
    record = _source(text.partition("\n")[0], view)
    if record is None:
        return Item(text=text)
    return Item(text=text, label=record.label, pinned=record.is_pinned, dismissed=record.dismissed)


def _source(line: str, view: RecordView) -> Record | None:
    matches = (pattern.match(line) for pattern in _SOURCES)
    label = next((int(found[1]) for found in matches if found), 0)
    return view.get(label) if 0 < label < 1 << 63 else None


def _directories(view: RecordView, project: str) -> list[str]:
    """Return where a project was worked on, the latest last."""
    known = view.project_named(project)
    return list(dict.fromkeys((known.root, *known.cwds))) if known else []


def _origin(said: str) -> str:
    """Return where the hook took the text from: its last line is its log entry."""
    lines = [line for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else ""
