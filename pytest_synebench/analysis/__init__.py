"""What runs mean: scores, statistics, and the gate that stops what makes tuning worse."""
