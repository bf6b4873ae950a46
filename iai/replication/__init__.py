"""What passes between the records of this machine and its team's stream."""
