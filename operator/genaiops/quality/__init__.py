"""Online quality: the process of one app that keeps sampled answers and feedback, and has the answers judged."""
