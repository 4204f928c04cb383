"""Workers: children that hold models, and what is asked of them at once."""
