"""Tests of the deterministic simulation, and of what it finds."""
