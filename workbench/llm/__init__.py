"""The Mind: model loading, the batched scheduler, grammars, embeddings, capture, KV cells."""
