"""Tokens word by word are those of the whole text."""

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from iai.embedders import tokens
from iai.embedders.packages import directory_of
from iai.embedders.static import _TOKENIZER
from iai.embedders.tokens import Tokenize, WordByWord, whole

PIECES = ("the", "connection", "connection,", "parse_config()", "\u00e9t\u00e9", "\u4f60\u597d",
          "\U0001f9e0", "x" * 40, "a\nb", "\n", "\t", " ", "", "42")  # fmt: skip


def tokenizer() -> Tokenizer:
    directory = directory_of("wordllama")
    assert directory is not None
    return Tokenizer.from_file(str(directory / _TOKENIZER))


AT_ONCE, BY_WORD = whole(tokenizer()), WordByWord(tokenizer())


def counted(tokenize: Tokenize, text: str) -> list[int]:
    return sorted(tokenize([text])[0].tolist())


@given(st.lists(st.sampled_from(PIECES)).map(" ".join) | st.text())
def test_a_word_has_the_same_tokens_alone_as_in_a_text(text: str) -> None:
    assert counted(BY_WORD, text) == counted(AT_ONCE, text)


def test_no_token_of_the_bundled_vocabulary_spans_a_space() -> None:
    vocabulary = tokenizer().get_vocab()
    assert len(vocabulary) > 30_000
    assert not [token for token in vocabulary if "\u2581" in token.lstrip("\u2581")]


def test_memory_does_not_grow_with_the_texts_that_are_no_plain_words() -> None:
    process = psutil.Process()
    BY_WORD(["call_0(1)"])
    before = process.memory_info().rss
    for number in range(4_000):
        BY_WORD([" ".join(f"f{number}({each})" for each in range(12))])
    assert process.memory_info().rss - before < 4_000_000


def test_the_tokens_of_a_text_do_not_depend_on_the_words_known_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tokens, "_WORDS", 3)  # known at a time
    texts = ["the old connection", "one (more) of the two", "the connection, of old", "the two"]
    by_word = WordByWord(tokenizer())
    once = [by_word([text])[0].tolist() for text in texts]
    assert once == [WordByWord(tokenizer())([text])[0].tolist() for text in texts]
    assert once == [one.tolist() for one in WordByWord(tokenizer())(texts)]
