"""What the lexical index knows of a record besides its words, so that a filter is a query, too.

Then candidates are taken from what fits, not filtered afterwards: one session out of thousands is
never lost behind all the others. Each text is one term; the time is a fast field, asked by range.
"""

import tantivy

from iai.index.filters import Filter
from iai.model.record import Record

_TERMS = ("project", "session", "role", "tier")
_TIME = "created_at"
_LAST = (1 << 63) - 1  # tantivy's integers are signed and of 64 bits


def declare(builder: tantivy.SchemaBuilder) -> None:
    """Add the fields to the schema."""
    for name in _TERMS:
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    builder.add_integer_field(_TIME, fast=True)


def describe(document: tantivy.Document, record: Record) -> None:
    """Fill in the fields of a record."""
    for name in _TERMS:
        document.add_text(name, getattr(record, name))
    document.add_integer(_TIME, _within(record.created_at))


def query(schema: tantivy.Schema, only: Filter) -> tantivy.Query:
    """Return what finds all records that fit, each with the score 0."""
    wanted = [
        tantivy.Query.term_query(schema, name, value)
        for name in _TERMS
        if (value := getattr(only, name))
    ]
    if only.since or only.until:
        wanted.append(
            tantivy.Query.range_query(
                schema,
                _TIME,
                tantivy.FieldType.Integer,
                lower_bound=_within(only.since) if only.since else None,
                upper_bound=_within(only.until) if only.until else None,
                include_upper=not only.until,  # which tantivy wants where there is no bound
            )
        )
    every = tantivy.Query.boolean_query([(tantivy.Occur.Must, one) for one in wanted])
    return tantivy.Query.const_score_query(every if wanted else tantivy.Query.all_query(), 0.0)


def _within(ns: int) -> int:
    return max(-_LAST, min(ns, _LAST))
