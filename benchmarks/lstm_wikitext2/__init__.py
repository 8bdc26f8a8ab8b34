"""Language modelling on WikiText-2, or on a stand-in that every Python carries."""
