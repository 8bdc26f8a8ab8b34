"""The supervisor: the process that makes attempts, hears of their ends, and leaves none behind."""
