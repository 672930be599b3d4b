"""REST of the model registry, and the bases that all endpoints share."""
