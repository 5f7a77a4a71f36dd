"""The servers of the embedded profile: real PostgreSQL, Redis and MLflow, started from wheels and watched."""
