"""Adapters: Redis Streams and Kafka."""
