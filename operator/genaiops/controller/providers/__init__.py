"""Metrics of the team's own: a query, a webhook or a Job is asked for one value of one release.

What can go wrong in a question is a ProviderError: it says nothing of the release.
"""
