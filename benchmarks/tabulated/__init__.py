"""Published tables as benchmarks: fcnet_*, nasbench201_*, lcbench_*; simulated by default."""
