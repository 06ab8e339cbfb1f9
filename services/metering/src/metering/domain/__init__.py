"""Decisions about calls, streams, periods and completeness: values in, values out, no I/O."""
