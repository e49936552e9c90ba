"""Pure builders of the Kubernetes objects that run a release or serve a model.

Every object is meant for server-side apply: it holds only what the operator owns, and is the same for the same input.
"""
