"""Text to signal, pure: normalise, rules, entities, severity, dedupe, correlate."""
