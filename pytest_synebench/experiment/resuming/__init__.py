"""Proof that a script resumes: training without a break and with breaks, compared."""
