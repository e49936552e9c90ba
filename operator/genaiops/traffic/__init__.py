"""How an app's requests reach its releases: the gateway's configuration, its objects, and what it says is live."""
