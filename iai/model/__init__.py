"""What is kept, as plain data: records, revisions, topics, times, the frame of a payload. Pure."""
