"""The engine: jobs that survive whatever happens to the processes that run them."""
