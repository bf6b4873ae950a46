"""What iai installs outside its store: hooks in hosts' settings, their scripts, a service."""
