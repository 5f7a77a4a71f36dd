"""Adapters: the models that read text."""
