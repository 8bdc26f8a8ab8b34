"""What pictures of runs are made of, and the pictures: pure, and apart from each other."""
