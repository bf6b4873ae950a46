"""What a question finds: candidates, their scores, their order, and why."""
