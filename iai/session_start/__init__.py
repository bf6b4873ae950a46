"""What a session start reads on disk: payload files, what is pending, what is new to a session."""
