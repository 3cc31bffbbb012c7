"""Names by which the operator's objects are found: labels, annotations, finalizers, headers."""

MANAGER = "mlendpoints"  # field manager, managed-by and part-of

NAME = "app.kubernetes.io/name"
INSTANCE = "app.kubernetes.io/instance"
COMPONENT = "app.kubernetes.io/component"
PART_OF = "app.kubernetes.io/part-of"
MANAGED_BY = "app.kubernetes.io/managed-by"
APP_VERSION = "app.kubernetes.io/version"

ENDPOINT = "mlendpoints.dev/endpoint"
VARIANT = "mlendpoints.dev/variant"
MODEL = "mlendpoints.dev/model"
MLMODEL = "mlendpoints.dev/mlmodel"
MODEL_VERSION = "mlendpoints.dev/version"

ISTIO_APP = "app"
ISTIO_VERSION = "version"
NOT_IN_THE_MESH = "sidecar.istio.io/inject"  # "false": no sidecar, which would outlive a Job's container

MANIFEST_HASH = "mlendpoints.dev/manifest-hash"
BUILDER = "mlendpoints.dev/builder"
REQUESTED = "mlendpoints.dev/instances"

ROUTES_FINALIZER = "mlendpoints.dev/routes"
VOLUME_FINALIZER = "mlendpoints.dev/volume"

TARGET_VARIANT_HEADER = "X-Amzn-SageMaker-Target-Variant"
INVOKED_VARIANT_HEADER = "x-Amzn-Invoked-Production-Variant"
RETRIABLE_HEADER = "x-mlendpoints-retriable"  # from a pod's proxy: no model has seen the request, retry at another pod
ROUTE_PATH = "/.well-known/mlendpoints/route"
PING_PATH = "/.well-known/mlendpoints/ping/"  # and the name of an instance, at the gateways
PROXY_PING_PATH = PING_PATH.removesuffix("/")  # at the pods' own proxies
