"""The data plane: one process per pod that answers chat completions as its release says."""
