"""The shell around the pure core: watch, queue, observe, plan, execute."""
