"""A filter as a query to the lexical index, and the fields of a record that it needs for that.

Candidates are taken from what matches, not filtered afterwards, so that one session out of
thousands is not lost behind all the others. Each text is one term; the time is a fast field. A
record of another machine has two more terms in the field of its session: a field of its own would
be another schema, for which every index would be rebuilt.
"""

from collections.abc import Iterable

import tantivy

from iai.index.blind_terms import Spell
from iai.index.filters import TEXT_FIELDS, Filter, stored_time, texts_of
from iai.model.record import Record

_TIME = "created_at"
_MACHINE = "session"  # the field of the machine's terms, which no session's id is like
_ABROAD = "\0abroad"  # said on another machine


def declare(builder: tantivy.SchemaBuilder) -> None:
    """Add the fields to the schema."""
    for name in TEXT_FIELDS:
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    builder.add_integer_field(_TIME, fast=True)


def fill(document: tantivy.Document, record: Record, spell: Spell) -> None:
    """Set the fields of a record."""
    for name, text in zip(TEXT_FIELDS, texts_of(record), strict=True):
        document.add_text(name, spell(text))
    if record.machine:
        document.add_text(_MACHINE, spell(_ABROAD))
        document.add_text(_MACHINE, spell(_machine_term(record.machine)))
    document.add_integer(_TIME, stored_time(record.created_at))


def query(schema: tantivy.Schema, only: Filter, spell: Spell) -> tantivy.Query:
    """Return a query that finds all records that match, each with the score 0."""
    clauses = [
        tantivy.Query.term_query(schema, name, spell(value)) for name, value in only.texts.items()
    ]
    if only.since or only.until:
        clauses.append(
            tantivy.Query.range_query(
                schema,
                _TIME,
                tantivy.FieldType.Integer,
                lower_bound=stored_time(only.since) if only.since else None,
                upper_bound=stored_time(only.until) if only.until else None,
                include_upper=not only.until,  # tantivy requires it without a bound
            )
        )
    if only.machines:
        clauses.append(_on_machines(schema, only.machines, spell))
    every = tantivy.Query.boolean_query([(tantivy.Occur.Must, clause) for clause in clauses])
    return tantivy.Query.const_score_query(every if clauses else tantivy.Query.all_query(), 0.0)


def _on_machines(schema: tantivy.Schema, machines: Iterable[str], spell: Spell) -> tantivy.Query:
    """Return a query for what was said on one of these machines."""
    any_of = [
        tantivy.Query.term_query(schema, _MACHINE, spell(_machine_term(machine)))
        if machine
        else tantivy.Query.boolean_query(
            [
                (tantivy.Occur.Must, tantivy.Query.all_query()),
                (tantivy.Occur.MustNot, tantivy.Query.term_query(schema, _MACHINE, spell(_ABROAD))),
            ]
        )
        for machine in machines
    ]
    return tantivy.Query.boolean_query([(tantivy.Occur.Should, one) for one in any_of])


def _machine_term(machine: str) -> str:
    return f"\0machine:{machine}"
