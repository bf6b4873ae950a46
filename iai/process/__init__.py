"""What a process needs of the machine: files, locks, heartbeats, logs, ledger, client."""
