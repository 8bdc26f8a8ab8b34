"""The simulated back-end: trials are curves that are played in virtual time."""
