"""What recall searches: the vector index, the lexical index, links, topics and filters."""
