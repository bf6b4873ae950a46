"""What iai puts outside its store: hooks in the settings of hosts, their scripts, a service."""
