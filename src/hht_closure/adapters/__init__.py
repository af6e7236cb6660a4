"""Where the ports meet the world: stores, senders, clocks.

A new adapter is one module here (a package where it has several parts), named after its technology; one extra in
``pyproject.toml`` if it needs a library; and one test file that subclasses the contract suites of
:mod:`hht_closure.testing.contracts`. Nothing else changes. Nothing below this layer imports it.
"""
