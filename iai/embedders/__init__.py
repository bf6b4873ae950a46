"""From texts to vectors: the embedders, and the generations of weights they embed with."""
