"""When the group sleeps, when an actor works, and when it is restarted or killed. Pure."""
