"""Close an account properly, once and for good."""
