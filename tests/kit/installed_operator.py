"""The operator that is installed in the cluster: where it is, and whom it serves."""

from tests.kit.client import Object

NAMESPACE, NAME = "machine-learning", "mlendpoints-operator"


def serves(deployment: Object, namespace: str) -> bool:
    """Whether an operator's Deployment has it serve this namespace."""
    variables = deployment["spec"]["template"]["spec"]["containers"][0].get("env", ())
    named = next((v.get("value", "") for v in variables if v["name"] == "MLENDPOINTS_NAMESPACES"), "")
    return not named or namespace in named.split(",")
