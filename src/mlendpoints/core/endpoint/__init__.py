"""The decisions about one endpoint, the first root: ``plan.plan_endpoint(world) -> Plan``."""
