"""Herald turns news into trades. The library: all meaning, no Ray."""
