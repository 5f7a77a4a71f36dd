"""Exit statuses of the commands."""

DONE, FOUND_FAILURE, WRONG_USE, INTERRUPTED = 0, 1, 2, 130
