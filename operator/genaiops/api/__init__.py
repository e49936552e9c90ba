"""The custom resources of group ``genaiops.dev/v1alpha1``.

These pydantic models are the one source of the CRDs, the defaults, the validation and the reference docs.
"""

GROUP = "genaiops.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
