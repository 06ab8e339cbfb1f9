"""The whole of Tollway on one machine: Kafka, PostgreSQL, the two stand-ins of `sandbox/` and the five services.

`python -m local_stack up` starts them detached under one supervisor (`supervisor.py`); tests start private stacks on
free ports through `stack.Stack`. Nothing in `services/` knows this package.
"""
