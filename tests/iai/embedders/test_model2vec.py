"""Models of the user's own, in model2vec's format."""

import json
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from iai.embedders.embedder import Vectors
from iai.embedders.model2vec import model2vec
from iai.embedders.registry import load
from iai.errors import EmbedderUnavailable

TEXTS = ("the database", "a cat sleeps", "postgres refuses")


def embed(directory: Path, *texts: str) -> Vectors:
    embedder = model2vec(directory)
    return embedder.embed(texts, embedder.frequencies([]), 3)


def test_a_path_is_the_name_of_a_model(model: Path, tmp_path: Path) -> None:
    embedder = load(str(model), tmp_path)
    assert embedder.name == str(model)
    assert embedder.fingerprint.startswith("model2vec-small-")
    assert embedder.parts == (16,)


def test_a_token_has_its_row(model: Path) -> None:
    table = load_file(model / "model.safetensors")["embeddings"]
    row = table[words(model)["cat"]]
    assert embed(model, "cat")[0] == pytest.approx(row / np.linalg.norm(row), abs=1e-6)


def test_weights_and_a_mapping_give_the_full_vectors(model: Path) -> None:
    before, name = embed(model, *TEXTS), fingerprint(model)
    path = model / "model.safetensors"
    table = load_file(path)["embeddings"]
    lengths = np.linalg.norm(table, axis=1).astype(np.float32)
    turned = np.arange(len(table))[::-1].copy()
    parts = {"embeddings": (table / lengths[:, None])[turned], "weights": lengths}
    save_file({**parts, "mapping": turned}, path)
    assert np.allclose(embed(model, *TEXTS), before, atol=1e-5)
    assert fingerprint(model).partition("-idf")[2] == name.partition("-idf")[2]


def test_unknown_words_are_similar_to_nothing(model: Path) -> None:
    assert not embed(model, "zebra").any()
    assert np.allclose(embed(model, "zebra cat"), embed(model, "cat"))


def test_other_vectors_make_another_embedder(model: Path) -> None:
    before = fingerprint(model)
    path = model / "model.safetensors"
    save_file({"embeddings": load_file(path)["embeddings"] * 2}, path)
    assert fingerprint(model) != before


@pytest.mark.parametrize("name", ["nothing", "../small", "STATIC"])
def test_an_unknown_embedder_is_refused_with_the_valid_choices(name: str, tmp_path: Path) -> None:
    with pytest.raises(EmbedderUnavailable, match="IAI_MCP_EMBEDDER is static, minilm, or"):
        load(name, tmp_path)


def test_a_directory_without_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(EmbedderUnavailable, match="holds no model2vec model"):
        load(str(tmp_path), tmp_path)


def test_a_damaged_model_says_so(model: Path, tmp_path: Path) -> None:
    path = model / "model.safetensors"
    table = load_file(path)["embeddings"]
    for tensors in ({"embeddings": table[:3]}, {"weights": table}, {"embeddings": table[0]}):
        save_file(tensors, path)
        with pytest.raises(EmbedderUnavailable, match="holds no model2vec model"):
            load(str(model), tmp_path)
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(EmbedderUnavailable, match="holds no model2vec model"):
        load(str(model), tmp_path)


def fingerprint(directory: Path) -> str:
    return model2vec(directory).fingerprint


def words(directory: Path) -> dict[str, int]:
    document = json.loads((directory / "tokenizer.json").read_text())
    return cast("dict[str, int]", document["model"]["vocab"])
