"""Operating an installation: health, status, the doctor, backups, settings, the version."""
