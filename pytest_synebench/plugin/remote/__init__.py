"""Experiments that run elsewhere: submitted, followed from here, and the inside of a job."""
