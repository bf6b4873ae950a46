"""When the group is awake or asleep, when an actor works, and when it is restarted. Pure."""
