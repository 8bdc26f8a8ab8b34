"""The collected tree: a node per benchmark, a collector per experiment, an item per trial."""
