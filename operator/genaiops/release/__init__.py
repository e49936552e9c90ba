"""From references to a release: resolve what an app points at, hash it, say what changed."""
