"""The gateway's ports made real: tables from topics, access tokens, the upstream, the write-ahead log, its shipper."""
