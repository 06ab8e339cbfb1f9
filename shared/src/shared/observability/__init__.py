"""Structured logs, trace ids across Kafka, and metrics that every service has."""
