"""The flows: load the closure, decide, append, act; written once, as coroutines, for both faces.

:mod:`~hht_closure.flows.calls` is the only place that tells plain ports from ``async`` ones;
:mod:`~hht_closure.flows.wiring` puts a portal together and finds what does not fit;
:mod:`~hht_closure.flows.stream` loads and appends. What a person can ask for is in
:mod:`~hht_closure.flows.dialogue`, :mod:`~hht_closure.flows.proving`, :mod:`~hht_closure.flows.confirming`, and
without a log-in in :mod:`~hht_closure.flows.looking`; the answers are in :mod:`~hht_closure.flows.answers`.
"""
