"""What is kept in LMDB: records, vectors, the graph and its topics, with one writer each."""
