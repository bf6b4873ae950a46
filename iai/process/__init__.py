"""What a process needs from the machine: files, locks, heartbeats, logs, the ledger, a client."""
