"""The rules of a rollout, pure: a snapshot and the time go in, a plan comes out."""
