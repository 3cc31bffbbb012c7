"""Connections to servers that users name, for programs in their pods: checked addresses, credentials, object stores.

model-init downloads through it, and the shipper uploads. Nothing here must know what is transferred.
"""
