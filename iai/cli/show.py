"""Print a record whole, as it was said, and where it was said.

example: iai show '#41'
"""

from argparse import ArgumentParser, Namespace

from iai.cli.output import as_json, when
from iai.errors import NotFound
from iai.layout import Layout
from iai.settings import Settings
from iai.store.records import Records


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("ref", help="its id, or # and its number")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(args: Namespace, settings: Settings) -> int:
    records = Records(Layout(settings.store).records)
    with records.view() as view:
        record = view.find(args.ref)
        project = view.project_named(record.project) if record else None
    records.close()
    if record is None:
        raise NotFound(f"there is no record {args.ref}")
    if args.json:
        as_json(record)
        return 0
    pinned = ", pinned" if record.pinned else ""
    print(f"#{record.label} {record.id}{pinned}")
    print(
        f"{record.role}, {record.host}, {when(record.created_at)}, session {record.session or '-'}"
    )
    print(f"project {project.name if project else '-'}, in {record.cwd or '-'}\n")
    print(record.text)
    return 0
