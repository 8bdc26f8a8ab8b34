"""The pytest plugin: declaration, options, collection, progress."""
