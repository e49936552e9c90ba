"""`kubectl genaiops`: what an app's releases are doing, and a person's part in it, in a terminal."""
