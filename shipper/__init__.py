"""The shipper: delivers captured traffic from a pod's spool to a sink, and keeps an exact account of it.

A program of its own with its own image. It must not import the operator, nor decide what is captured.
"""
