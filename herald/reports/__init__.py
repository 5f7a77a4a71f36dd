"""What a run came to: accounting, files, terminal and HTML."""
