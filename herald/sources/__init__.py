"""Adapters: where news comes from, one file a kind of source."""
