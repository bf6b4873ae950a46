"""Embedders that several tests need."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from iai.embedders.minilm import MiniLMEmbedder
from iai.embedders.static import bundled

WORDS = "[UNK] the database connection times out postgres refuses after a minute cat sleeps on sofa"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return the directory of a small model2vec model."""
    return small_model(tmp_path / "small")


@pytest.fixture(scope="session")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> MiniLMEmbedder:
    """Return the real one, which takes a moment to load."""
    return MiniLMEmbedder(bundled(), tmp_path_factory.mktemp("models"))


def small_model(directory: Path, seed: int = 0) -> Path:
    """Make a model2vec model of a few words with vectors of chance."""
    words = WORDS.split()
    directory.mkdir()
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=words[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(directory / "tokenizer.json"))
    table = np.random.default_rng(seed).normal(size=(len(words), 16)).astype(np.float32)
    save_file({"embeddings": table}, directory / "model.safetensors")
    (directory / "config.json").write_text('{"normalize": true}')
    return directory
