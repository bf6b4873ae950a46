"""From hook events, transcripts and git histories to new records."""
