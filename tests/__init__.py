"""The tests: laws, stories, and the suites that adapters pass."""
