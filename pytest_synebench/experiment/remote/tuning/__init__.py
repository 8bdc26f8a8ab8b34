"""Experiments whose tuner itself runs as a job: what is sent, what is kept, who follows it."""
