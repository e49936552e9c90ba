"""Judging a release's answers: on the rows of a dataset before users see it, and on a sample of what users got."""
