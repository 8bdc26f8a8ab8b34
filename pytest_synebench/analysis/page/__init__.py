"""One page on runs: HTML that needs nothing but itself, and Markdown."""
