"""The service and the worker as a portal meets them: both faces, the wiring, bad input, and everything that fails."""
