"""Calls of models: the wire, the API keys, and when to try again."""
