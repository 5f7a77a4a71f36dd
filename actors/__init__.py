"""Ray shells: each owns a resource, a place in the cluster and a lifetime, and decides nothing by itself."""
