"""What makes an attempt that is forked from a warm process equal one that starts from nothing."""
