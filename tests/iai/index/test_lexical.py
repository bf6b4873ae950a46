"""The lexical index: records put in are found, once, and removed ones are not."""

from pathlib import Path

import pytest
import tantivy

from iai.index.filters import Filter
from iai.index.lexical import WORK, LexicalIndex
from iai.index.terms import extract, terms
from iai.model.record import Record
from tests.iai.store.builders import kept


def put(index: LexicalIndex, record: Record) -> None:
    index.put(record, extract(record.text))


@pytest.fixture
def words(tmp_path: Path) -> LexicalIndex:
    index = LexicalIndex(tmp_path / "lexical")
    put(index, kept(1, "The parser fails on empty input", project="a", session="s1"))
    put(index, kept(2, "A failing router retries, then times out", project="a", role="assistant"))
    put(index, kept(3, "The cat sleeps", project="b", tier="semantic"))
    index.commit()
    return index


def test_words_are_found_in_other_forms(words: LexicalIndex) -> None:
    assert {label for label, _ in words.search(terms("parsers failed"), 9)} == {1, 2}
    assert words.search(terms("parsers failed"), 9)[0][0] == 1


def test_common_words_and_signs_alone_find_nothing(words: LexicalIndex) -> None:
    for query in ("", "the", "on a", "?!", '"(+-&|~^', " "):
        assert words.search(terms(query), 9) == []


def test_only_the_project_in_the_filter_is_searched(words: LexicalIndex) -> None:
    assert words.search(terms("cat"), 9, Filter(project="a")) == []
    assert [label for label, _ in words.search(terms("cat"), 9, Filter(project="b"))] == [3]
    everywhere, here = (
        words.search(terms("parser"), 9),
        words.search(terms("parser"), 9, Filter(project="a")),
    )
    assert here == everywhere


def test_a_filter_finds_what_ranks_behind_many_others(tmp_path: Path) -> None:
    index = LexicalIndex(tmp_path / "lexical")
    for label in range(1, 500):
        put(index, kept(label, "the parser, the parser", session="many"))
    put(index, kept(500, "some parser among quite a few other words", session="one"))
    index.commit()
    assert 500 not in {label for label, _ in index.search(terms("parser"), 200)}
    assert [label for label, _ in index.search(terms("parser"), 200, Filter(session="one"))] == [
        500
    ]


def test_matched_words_are_returned_as_they_were_written_in_the_query(
    words: LexicalIndex,
) -> None:
    asked = "Why do the PARSERS fail, parsers?"
    assert words.matched(asked, "A failing parser") == ("PARSERS", "fail", "parsers")
    assert words.matched(asked, "the router") == ()


def test_a_record_put_again_is_there_once_with_its_new_words(words: LexicalIndex) -> None:
    put(words, kept(3, "The dog barks"))
    words.commit()
    assert len(words) == 3
    assert words.search(terms("cat"), 9) == []
    assert [label for label, _ in words.search(terms("dog"), 9)] == [3]


def test_removed_records_are_not_found(words: LexicalIndex) -> None:
    words.remove(3)
    words.remove(99)
    words.commit()
    assert len(words) == 2
    assert words.search(terms("cat"), 9) == []


def test_records_are_found_after_the_index_is_reopened(tmp_path: Path) -> None:
    first = LexicalIndex(tmp_path / "lexical")
    put(first, kept(3, "The cat sleeps"))
    first.commit()
    del first  # which lets go of the directory
    assert [label for label, _ in LexicalIndex(tmp_path / "lexical").search(terms("cat"), 9)] == [3]


def test_a_directory_with_other_files_becomes_an_empty_index(tmp_path: Path) -> None:
    (tmp_path / "lexical").mkdir()
    (tmp_path / "lexical" / "meta.json").write_text("garbage")
    assert len(LexicalIndex(tmp_path / "lexical")) == 0


def test_an_index_without_the_fields_that_filters_need_becomes_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "lexical"
    path.mkdir()
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("label", indexed=True, fast=True)
    builder.add_text_field("text", index_option="freq")
    builder.add_text_field("project", tokenizer_name="raw", index_option="basic")
    old = tantivy.Index(builder.build(), path=str(path))
    writer = old.writer(heap_size=15_000_000, num_threads=1)
    writer.add_document(tantivy.Document(label=1, text="the parser", project="a"))
    writer.commit()
    del writer, old  # which lets go of the directory
    index = LexicalIndex(path)
    assert len(index) == 0
    put(index, kept(1, "the parser", role="user"))
    index.commit()
    assert [label for label, _ in index.search(terms("parser"), 9, Filter(role="user"))] == [1]


def test_equal_records_are_found_oldest_first_in_any_order_of_arrival(tmp_path: Path) -> None:
    index = LexicalIndex(tmp_path / "lexical")
    for label in (7, 3, 9, 1, 8, 2, 6, 4, 5):
        put(index, kept(label, "the parser fails"))
        index.commit()
    assert [label for label, _ in index.search(terms("parser"), 3)] == [1, 2, 3]


def test_the_oldest_of_many_equal_requests_are_found_in_any_order_of_arrival(
    tmp_path: Path,
) -> None:
    index = LexicalIndex(tmp_path / "lexical")
    for label in range(100, 0, -1):
        index.put(kept(label, "the parser fails"), extract("the parser fails"), work=["pytest"])
        if label % 30 == 0:
            index.commit()
    index.commit()
    assert [label for label, _ in index.search(terms("parser"), 3)] == [1, 2, 3]
    assert [label for label, _ in index.covering(WORK, {"pytest": 2.5}, 3)] == [1, 2, 3]


def test_a_segment_keeps_the_terms_of_a_removed_record_until_the_others_moved(
    words: LexicalIndex, tmp_path: Path
) -> None:
    """Tantivy only notes what was deleted: see `LexicalIndexer.rewrite`."""
    assert words.stale_segments() == frozenset()
    words.remove(3)
    words.commit()
    stale = words.stale_segments()
    assert len(stale) == 1
    assert words._index.searcher().doc_freq("text", "cat") == 1
    assert words.labels_in(stale, 0, 9) == [1, 2]
    assert words.labels_in(stale, 1, 9) == [2]
    put(words, kept(1, "The parser fails on empty input", project="a", session="s1"))
    put(words, kept(2, "A failing router retries, then times out", project="a", role="assistant"))
    words.commit()
    assert words.stale_segments() == frozenset()
    assert words.settled()
    assert words._index.searcher().doc_freq("text", "cat") == 0
    assert not any(b"cat" in path.read_bytes() for path in (tmp_path / "lexical").iterdir())
    assert {label for label, _ in words.search(terms("parsers failed"), 9)} == {1, 2}
