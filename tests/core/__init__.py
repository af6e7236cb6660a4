"""Tests of the core: values, keys, receipts, and what they rest on."""
