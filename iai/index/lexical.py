"""The lexical index: which records have the terms of a query, ranked by BM25 (tantivy).

It keeps terms (`iai.index.terms`), labels and what filters ask for, but no texts; of an encrypted
store, hashes in the place of words (`blind_terms`). A record put in twice is there once. A request
is also found by what was done for it, and by the narration between.
"""

import json
import logging
import re
import shutil
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tantivy

from iai.config.layout import private
from iai.encryption.cipher import Cipher
from iai.errors import StoreCorrupt, StoreError, StoreWriteFailed
from iai.index import blind_terms, lexical_files, lexical_filter
from iai.index.filters import Filter
from iai.index.terms import Extracted, terms
from iai.model.record import Record

log = logging.getLogger(__name__)

_HEAP = 15_000_000  # bytes; the least that tantivy takes for one thread
_TEXT, _LABEL = "text", "label"
WORK, NARRATION = "work", "narration"  # fields of a request
_SPLIT = "whitespace"  # the terms are extracted before
_EVERYTHING = Filter()
_WORD = re.compile(r"\w+")
_MOST = 4_096  # records that are looked at to find the oldest of those that score the same
_DECIMALS = 4  # beyond these a score depends on the order in which terms are summed
_STEPS = 1_024  # to which rarities are rounded, so that their sums are exact in whatever order


class LexicalIndex:
    """An index below one directory. Changes can be searched after `commit`.

    Changes raise StoreWriteFailed if the disk fails, and StoreCorrupt if a file is damaged. What
    was not committed is then gone.
    """

    def __init__(self, path: Path, cipher: Cipher | None = None) -> None:
        """Open it; empty if there is none, or it is damaged or has another schema or key."""
        private(path)
        split = _SPLIT + blind_terms.form(cipher)  # in the schema: another key is another schema
        self._spell = blind_terms.spelling(cipher)
        self._spell_all = blind_terms.spelling_of_all(cipher, self._spell)
        self._path = path
        if damage := next(lexical_files.problems(path), ""):
            log.warning("%s is damaged: %s; rebuilding it from the records", path, damage)
            shutil.rmtree(path)
            private(path)
        try:
            self._index = tantivy.Index(_schema(split), path=str(path))
        except ValueError:  # another schema, or damaged: it can be rebuilt
            shutil.rmtree(path)
            private(path)
            self._index = tantivy.Index(_schema(split), path=str(path))
        whitespace = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
        self._index.register_tokenizer(split, whitespace)
        self._writer = self._new_writer()

    def __len__(self) -> int:
        return int(self._index.searcher().num_docs)

    def put(
        self,
        record: Record,
        found_by: Extracted,
        work: Iterable[str] = (),
        narration: Iterable[str] = (),
    ) -> None:
        """Add a record with its terms, and those of what followed a request, or replace it."""
        self.remove(record.label)
        self.add(self.document(record, found_by, work, narration))

    def add(self, document: tantivy.Document) -> None:
        """Add a record that is not there: each removal looks through all segments, for 3 µs."""
        try:
            self._writer.add_document(document)
        except ValueError as error:
            raise self._lost(error) from error

    def document(
        self,
        record: Record,
        found_by: Extracted,
        work: Iterable[str] = (),
        narration: Iterable[str] = (),
    ) -> tantivy.Document:
        """Return what is kept of a record, to `add`."""
        document = tantivy.Document()
        document.add_integer(_LABEL, record.label)
        texts = {_TEXT: found_by.words, WORK: " ".join(work), NARRATION: " ".join(narration)}
        for field, text in texts.items():
            if text:
                document.add_text(field, self._spell_all(text))
        lexical_filter.fill(document, record, self._spell)
        return document

    def remove(self, label: int) -> None:
        """Remove a record, if it is there."""
        try:
            self._writer.delete_documents_by_term(_LABEL, label)
        except ValueError as error:
            raise self._lost(error) from error

    def commit(self) -> None:
        """Make all changes durable and let searches see them."""
        try:
            self._writer.commit()
            self._index.reload()
        except ValueError as error:
            raise self._lost(error) from error

    def clear(self) -> None:
        """Remove everything."""
        self._writer.delete_all_documents()
        self.commit()

    def collect_garbage(self) -> None:
        """Delete the files that no segment needs any more."""
        try:
            self._writer.garbage_collect_files()
        except ValueError as error:
            raise self._lost(error) from error

    def stale_segments(self) -> frozenset[int]:
        """Return the segments with removed records, whose terms they still have, by position."""
        segments = self._meta()["segments"]
        return frozenset(n for n, segment in enumerate(segments) if segment.get("deletes"))

    def labels_in(self, segments: Collection[int], after: int, through: int) -> list[int]:
        """Return the labels from one to another that are in these segments, ascending."""
        query = tantivy.Query.range_query(
            self._index.schema, _LABEL, tantivy.FieldType.Integer, after + 1, through
        )
        searcher = self._index.searcher()
        found = searcher.search(query, limit=through - after, count=False).hits
        addresses = [address for _, address in found if address.segment_ord in segments]
        labels = np.asarray(searcher.fast_field_values(_LABEL, addresses), np.int64)
        return sorted(labels.tolist())

    def settled(self) -> bool:
        """Delete files of segments that are gone; return whether none is left.

        One that tantivy is merging is there until that ends.
        """
        self.collect_garbage()
        names = {segment["segment_id"].replace("-", "") for segment in self._meta()["segments"]}
        stems = {path.name.split(".", 1)[0] for path in self._path.glob("[0-9a-f]*.*")}
        return stems <= names

    def _new_writer(self) -> tantivy.IndexWriter:
        return self._index.writer(heap_size=_HEAP, num_threads=1)

    def _lost(self, error: ValueError) -> StoreError:
        """Replace the writer, which is of no use after an error, and return what went wrong.

        tantivy raises the same type for a full disk and for a damaged file.
        """
        if damage := next(lexical_files.problems(self._path), ""):
            return StoreCorrupt(damage, self._path)
        del self._writer  # it holds the lock
        self._writer = self._new_writer()
        return StoreWriteFailed(f"{self._path}: {error}; check the disk")

    def _meta(self) -> Any:
        return json.loads((self._path / "meta.json").read_bytes())

    def search(
        self, words: Iterable[str], k: int, only: Filter = _EVERYTHING
    ) -> list[tuple[int, float]]:
        """Return up to `k` labels that match and have any of these terms, by BM25, the best first.

        Among equals the older comes first, in whatever order they were put in. But the scores
        themselves depend on that: tantivy counts deleted records until it merges their segment.
        """
        return self._search([self._having(_TEXT, word) for word in words], k, only)

    def covering(
        self, field: str, rarity: Mapping[str, float], k: int, only: Filter = _EVERYTHING
    ) -> list[tuple[int, float]]:
        """Return up to `k` requests by the summed rarity of the terms that a field of them has.

        Unlike BM25 that depends on nothing else in the index. Among equals the older comes first.
        """
        any_of = [
            tantivy.Query.const_score_query(
                self._having(field, term), round(rare * _STEPS) / _STEPS
            )
            for term, rare in rarity.items()
        ]
        return self._search(any_of, k, only)

    def with_all(self, work: Iterable[str], k: int) -> list[int]:
        """Return up to `k` requests with all of these terms in their work, the latest labels."""
        every = [(tantivy.Occur.Must, self._having(WORK, term)) for term in work]
        if not every:
            return []
        found = self._index.searcher().search(
            tantivy.Query.boolean_query(every),
            limit=k,
            count=False,
            order_by_field=_LABEL,
            order=tantivy.Order.Desc,
        )
        addresses = [address for _, address in found.hits]
        labels = np.asarray(self._index.searcher().fast_field_values(_LABEL, addresses), np.int64)
        return [int(label) for label in labels]

    def _search(self, any_of: list[tantivy.Query], k: int, only: Filter) -> list[tuple[int, float]]:
        if not any_of or k < 1:
            return []
        any_word = tantivy.Query.boolean_query([(tantivy.Occur.Should, one) for one in any_of])
        if not only.open:
            matching = lexical_filter.query(self._index.schema, only, self._spell)
            any_word = tantivy.Query.boolean_query(
                [(tantivy.Occur.Must, any_word), (tantivy.Occur.Must, matching)]
            )
        searcher, limit = self._index.searcher(), 2 * k
        hits = searcher.search(any_word, limit=limit, count=False).hits
        while len(hits) == limit < _MOST and _alike(hits[-1][0], hits[k - 1][0]):
            limit *= 4  # all that share the last place have to be among them
            hits = searcher.search(any_word, limit=limit, count=False).hits
        addresses = [address for _, address in hits]
        labels = np.asarray(searcher.fast_field_values(_LABEL, addresses), np.int64)
        scores = np.round([score for score, _ in hits], _DECIMALS)
        order = np.lexsort((labels, -scores))[:k]
        return list(zip(labels[order].tolist(), scores[order].tolist(), strict=True))

    def _having(self, field: str, term: str) -> tantivy.Query:
        return tantivy.Query.term_query(self._index.schema, field, self._spell(term))

    def matched(self, query: str, text: str) -> tuple[str, ...]:
        """Return the words of a query, as written, that a text is found by."""
        there = set(terms(text))
        words = dict.fromkeys(_WORD.findall(query))
        return tuple(word for word in words if there.intersection(terms(word)))


def _alike(score: float, other: float) -> bool:
    return round(score, _DECIMALS) == round(other, _DECIMALS)


def labels(path: Path) -> list[int]:
    """Return the labels of all records in an index, ascending. May run beside its writer."""
    searcher = tantivy.Index.open(str(path)).searcher()
    found = searcher.search(tantivy.Query.all_query(), limit=max(1, searcher.num_docs))
    addresses = [address for _, address in found.hits]
    found_labels = np.asarray(searcher.fast_field_values(_LABEL, addresses), np.int64)
    return sorted(found_labels.tolist())


def in_the_clear(path: Path) -> bool:
    """Is there an index whose terms are words, not hashes? May run beside its writer."""
    try:
        return f'"{_SPLIT}"' in (path / "meta.json").read_text()
    except OSError:
        return False


def _schema(split: str) -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    # Signed: a term for an unsigned field, made from a Python int, matches nothing.
    builder.add_integer_field(_LABEL, indexed=True, fast=True)
    builder.add_text_field(_TEXT, tokenizer_name=split, index_option="freq")
    for field in (WORK, NARRATION):
        builder.add_text_field(field, tokenizer_name=split, index_option="basic")
    lexical_filter.declare(builder)
    return builder.build()
