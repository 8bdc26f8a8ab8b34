"""The program: a door on loopback, the control beside it, and what holds all together."""
