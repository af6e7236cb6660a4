"""The public kit for testing, tested."""
