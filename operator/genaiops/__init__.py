"""GenAIOps Operator: releases of LLM apps, proved before and while they take traffic."""
