"""A small model and its server in one image, for demos and tests: no GPU, no download, no account."""
