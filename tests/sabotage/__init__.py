"""Sabotages: the laws broken by hand, one at a time, to see that a test catches each.

::

    python -m tests.sabotage                     all of them
    python -m tests.sabotage purpose lock        those with one of these words in their name
    python -m tests.sabotage --list              their names

A test that passes with the feature removed is a defect, and this is how it is found.
"""
