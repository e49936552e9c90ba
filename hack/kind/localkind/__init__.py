"""A kind cluster, its tools and its images on a machine that may have neither Docker nor a registry.

Standard library only: this runs with the system's python3 before any virtual environment exists.
One module, one idea; `hack/kind/README.md` is the map.
"""
