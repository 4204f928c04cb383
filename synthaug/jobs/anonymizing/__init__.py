"""The steps of ``synthaug anonymize``, and what is not a file: cameras, streams, photographs."""
