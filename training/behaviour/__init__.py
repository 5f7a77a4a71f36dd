"""What a classifier of headlines must be able to do, stated as texts, and how often a model does it."""
