"""Quotes, bars and the tape, pure."""
