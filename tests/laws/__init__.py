"""The laws of the design as tests: one file for each law, named after its number."""
