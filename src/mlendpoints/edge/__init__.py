"""Side effects: everything that talks to the Kubernetes API, gateways, clocks and the process.

Makes no decision about endpoints: it observes, passes a ``World`` to the core
and executes the resulting ``Plan``.
"""
