"""The API: what users write and what the operator reports, typed once, here.

No behaviour: structs, their documentation and bounds, names and labels. The
CRDs, the policy and the API reference are made from these types by
``mlendpoints.api.crd`` and its neighbours.
"""
