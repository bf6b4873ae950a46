"""The page of the map: what a project is about, and the records that say the most of it."""

import math

from msgspec import Struct

from iai.model.record import Record
from iai.model.topic import Topic
from iai.store import topics
from iai.store.record_view import RecordView
from iai.ui.asked import Asked, Document, choices, chosen

# Of the picture of a topic, which is 200 wide and 100 high.
_CENTRE = (100.0, 50.0)
_SMALLEST, _LARGEST = 7.0, 20.0  # radius of a topic, by its number of records
_NEAR, _FAR = 34.0, 88.0  # how far the most central record is, and the least


class Dot(Struct, frozen=True):
    """A record in the picture of its topic: the nearer, the more central."""

    record: Record
    x: float
    y: float


class Shown(Struct, frozen=True):
    """A topic with its picture."""

    topic: Topic
    radius: float
    dots: list[Dot]


def show(asked: Asked) -> Document:
    """Return the topics of a project, at most `MOST_TOPICS`, as found in the last SLEEP."""
    with asked.records() as view:
        projects = choices(view)
        project = chosen(asked, projects) or (projects[0] if projects else None)
        found = topics.read(asked.layout.index, view.belongs(project.id)) if project else ()
        most = max((topic.size for topic in found), default=1)
        drawn = [_drawn(view, topic, most) for topic in found]
    return {"projects": projects, "project": project, "topics": drawn}


def _drawn(view: RecordView, topic: Topic, most: int) -> Shown:
    records = [record for label in topic.members if (record := view.get(label)) is not None]
    radius = _SMALLEST + (_LARGEST - _SMALLEST) * math.sqrt(topic.size / most)
    step = (_FAR - _NEAR) / max(1, len(records) - 1)
    dots = []
    for number, record in enumerate(records):
        angle = 2 * math.pi * number / len(records) - math.pi / 5
        reach = _NEAR + number * step
        x = _CENTRE[0] + reach * math.cos(angle)
        y = _CENTRE[1] + min(reach, 40.0) * math.sin(angle)
        dots.append(Dot(record, round(x, 1), round(y, 1)))
    return Shown(topic, round(radius, 1), dots)
