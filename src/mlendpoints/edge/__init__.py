"""Effects: everything that talks to the Kubernetes API, to gateways, to clocks and to the process.

Decides nothing about endpoints: it observes, hands a ``World`` to the core,
and does what the ``Plan`` says.
"""
