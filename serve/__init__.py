"""Ray Serve shells: the trained classifier, one deployment a version."""
