"""Inside a remote job: between a training script and the store that its controller reads."""
