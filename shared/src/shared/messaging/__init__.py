"""The bus: transactional outbox, exactly-once consumers, compacted tables in memory, dead letters, topics."""
