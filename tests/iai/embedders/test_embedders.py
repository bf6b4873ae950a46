"""The embedders: the promises of all, and those of the default one."""

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from simulation.world import LettersEmbedder

from iai.embedders import static
from iai.embedders.embedder import Embedder, Vectors
from iai.embedders.generations import FIRST_COUNT, Census, Weights, counted_through
from iai.embedders.model2vec import model2vec
from iai.embedders.static import bundled
from iai.errors import EmbedderUnavailable

TEXTS = (
    "the database connection times out",
    "postgres refuses the connection after a minute",
    "the cat sleeps on the sofa",
    "the the the the",
)


@pytest.fixture(params=["static", "letters", "model2vec", "minilm"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    """Every test that asks for it is part of the contract and runs on all."""
    match request.param:
        case "static":
            return bundled()
        case "model2vec":
            return model2vec(request.getfixturevalue("model"))
        case "minilm":
            return cast("Embedder", request.getfixturevalue("minilm"))
        case _:
            return LettersEmbedder()


def embed(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    counted = embedder.frequencies(TEXTS)
    return embedder.embed(texts, counted, len(TEXTS))


def test_each_text_gets_one_vector_of_length_one(embedder: Embedder) -> None:
    vectors = embed(embedder, TEXTS)
    assert vectors.shape == (len(TEXTS), sum(embedder.parts))
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)


def test_a_text_is_most_similar_to_itself(embedder: Embedder) -> None:
    vectors = embed(embedder, TEXTS)
    assert (vectors @ vectors.T).argmax(axis=1).tolist() == [0, 1, 2, 3]


def test_a_vector_does_not_depend_on_the_other_texts(embedder: Embedder) -> None:
    together = embed(embedder, TEXTS)
    for place, text in enumerate(TEXTS):
        assert np.allclose(embed(embedder, [text])[0], together[place], atol=1e-6)


def test_counts_add_up(embedder: Embedder) -> None:
    whole = embedder.frequencies(TEXTS)
    parts = embedder.frequencies(TEXTS[:2]) + embedder.frequencies(TEXTS[2:])
    assert np.array_equal(whole, parts)
    assert not embedder.frequencies([]).any()
    assert whole.max() <= len(TEXTS)


def test_a_text_without_tokens_is_similar_to_nothing(embedder: Embedder) -> None:
    assert not embed(embedder, [""]).any()


def test_known_vectors_change_no_vector(embedder: Embedder) -> None:
    fresh = embed(embedder, TEXTS)
    known = embedder.embed(TEXTS, embedder.frequencies([]), 0)
    counted = embedder.frequencies(TEXTS)
    assert np.array_equal(embedder.embed(TEXTS, counted, len(TEXTS), known), fresh)


def test_a_longer_text_costs_more_and_the_longest_has_a_limit(embedder: Embedder) -> None:
    costs = [embedder.cost_ms("word " * count) for count in (1, 10, 100)]
    assert costs == sorted(costs)
    assert all(cost > 0 for cost in costs)


def test_no_text_fails(embedder: Embedder) -> None:
    for text in ("\x00", "\U0001f9e0" * 50, "x" * 100_000, "\u4f60\u597d", "\ufffd", " \n\t"):
        assert np.isfinite(embed(embedder, [text])).all()


def test_the_default_finds_meaning_in_other_words() -> None:
    vectors = embed(bundled(), [*TEXTS, "my db link is dead"])
    alike = vectors[:4] @ vectors[4]
    assert alike[0] > alike[2]


def test_common_terms_of_the_store_weigh_little() -> None:
    default = bundled()
    texts = [f"error in module {name}" for name in ("parser", "router", "cache", "login")]
    counted = default.frequencies(texts)
    query = default.embed(["error in the router"], counted, len(texts))[0]
    alike = default.embed(texts, counted, len(texts)) @ query
    flat = (
        default.embed(texts, np.zeros_like(counted), 0)
        @ default.embed(["error in the router"], np.zeros_like(counted), 0)[0]
    )
    assert alike.argmax() == 1
    assert alike[1] - alike[0] > flat[1] - flat[0]


def test_the_default_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("it went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert bundled().parts == (256,)


def test_an_embedder_without_its_data_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(static, "directory_of", lambda _: None)
    with pytest.raises(EmbedderUnavailable, match="reinstall iai"):
        bundled()
    monkeypatch.undo()
    monkeypatch.setattr(static, "_WEIGHTS", str(tmp_path / "none"))
    with pytest.raises(EmbedderUnavailable, match="cannot read"):
        bundled()


def test_the_fingerprint_is_that_of_the_weights_and_the_method() -> None:
    assert bundled().fingerprint == bundled().fingerprint
    assert "idf-mean" in bundled().fingerprint


def test_weights_are_recounted_when_the_store_has_doubled() -> None:
    upto = [counted_through(label) for label in range(1, 600)]
    assert set(upto) == {0, 64, 128, 256, 512}
    assert upto == sorted(upto)
    assert counted_through(FIRST_COUNT - 1) == 0
    assert counted_through(10**6) == 524_288


def test_a_census_in_parts_is_one_census() -> None:
    embedder = LettersEmbedder()
    whole, parts = Census(embedder, 4), Census(embedder, 4)
    whole.count(TEXTS, 4)
    for label, text in enumerate(TEXTS, 1):
        assert not parts.done
        parts.count([text], label)
    assert parts.done
    assert parts.generation(3) == whole.generation(3)
    weights = Weights(embedder, whole.generation(3))
    assert np.allclose(weights.embed(TEXTS), embed(embedder, TEXTS))
