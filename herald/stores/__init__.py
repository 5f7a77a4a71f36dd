"""Adapters: PostgreSQL, ClickHouse, Redis, and the servers of the embedded profile."""
