"""Outcome to weight, pure."""
