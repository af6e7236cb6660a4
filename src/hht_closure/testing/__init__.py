"""The public kit for those who write adapters or test a portal: clocks that stand still, and contract suites."""
