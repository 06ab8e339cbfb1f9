"""The data plane: admits every API call, proxies it, and records it durably before its last byte is answered.

One process, one event loop, callback-style protocols: no task and no future per call. What it decides with are tables
in memory rebuilt from compacted topics; what it leaves behind is a write-ahead log shipped to Kafka in its own form.
"""
