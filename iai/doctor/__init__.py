"""What is looked at to say whether iai is well on this machine, and what to do where it is not."""
