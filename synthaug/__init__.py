"""Balance rare image classes with judged synthetic images."""
