"""The loop that runs an experiment, and the rules it keeps."""
