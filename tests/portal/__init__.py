"""Tests of the sample portal."""
