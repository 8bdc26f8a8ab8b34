"""An experiment: its plan, its journal, and the loop that runs it."""
