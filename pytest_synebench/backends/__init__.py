"""Back-ends: where attempts run."""
