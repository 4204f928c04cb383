"""Terms: named callables that take a training step and return a scalar loss."""
