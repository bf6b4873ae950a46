"""Looking after an installation: health, the doctor, backups, the version, edits of settings."""
