"""synthaug where people already work: imbalanced-learn, Hugging Face datasets, pytest.

Each module needs its own library and is imported by name, so nothing here is loaded
unasked: ``from synthaug.integrations.imblearn import SynthaugSampler``.
"""
