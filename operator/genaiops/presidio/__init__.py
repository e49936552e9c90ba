"""Microsoft Presidio as a server that guardrails of type Webhook ask: an image of its own, which nothing else needs."""
