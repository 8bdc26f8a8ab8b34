"""Process 1 of a job's container: what the platform starts, and what runs the user's script."""
