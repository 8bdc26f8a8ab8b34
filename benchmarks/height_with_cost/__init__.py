"""A formula in place of a model: an experiment without data, torch or waiting."""
