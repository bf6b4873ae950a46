"""What lies on disk in LMDB. Only this package and `iai.index` know LMDB, FAISS and tantivy."""
