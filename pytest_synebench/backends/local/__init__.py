"""The back-end of this machine: what an attempt is told, what it sends, how it ends."""
