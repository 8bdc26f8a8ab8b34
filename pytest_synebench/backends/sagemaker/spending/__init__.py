"""What jobs cost: prices, seconds that are billed, and the bill of a run."""
