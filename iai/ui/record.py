"""The page of one record: its text in its exchange, and what can be done with it."""

from iai.errors import NoRecord
from iai.model.people import People
from iai.model.record import Record
from iai.recall import conversation
from iai.recall.work_lines import work_lines
from iai.ui.page_request import Document, PageRequest


def show(request: PageRequest) -> Document:
    """Return a record and its exchange. Raises NoRecord."""
    number = request.number("ref")
    with request.records() as view:
        record = view.get(number) if 0 < number < 1 << 63 else None
        if record is None:
            raise NoRecord(str(number))
        _, exchange, _ = conversation.around(view, record, 0)
        project = view.project_named(record.project)
        by = str(People(view.member).whose(record.machine))
        team = view.member("") is not None
    bases = [project.root if project else "", record.cwd]
    return {
        "record": record,
        "exchange": exchange if exchange.turns else None,
        "part": conversation.part(exchange, record) if exchange.turns else "",
        "done": list(work_lines(exchange.actions, bases)),
        "project": project,
        "by": by,
        "team": team,
        "closed": is_done(record),
    }


def is_done(record: Record) -> bool:
    """Return whether the user said that nothing in its session is open."""
    return "done" in record.marks
