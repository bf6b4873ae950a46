"""What is stored, as plain data: records, revisions, topics, times, a payload's frame. Pure."""
