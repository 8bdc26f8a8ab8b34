"""The benchmarks that come with pytest-synebench; each folder is one."""
