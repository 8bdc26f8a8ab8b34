"""An external searcher: a process of the user's that suggests configs."""
