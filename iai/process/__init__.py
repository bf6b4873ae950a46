"""What a process needs from the machine: files, locks, sockets, heartbeats, logs, the ledger."""
