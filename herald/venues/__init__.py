"""Adapters: the paper venue."""
