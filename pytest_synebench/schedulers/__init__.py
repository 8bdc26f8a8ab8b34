"""Schedulers: pure state machines that say which trial runs next, and how far."""
