"""What answers searches: vectors (FAISS), words (tantivy), and the graph between records."""
