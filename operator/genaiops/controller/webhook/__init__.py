"""The operator's admission webhook: who decided, who changed what, and whether they may."""
