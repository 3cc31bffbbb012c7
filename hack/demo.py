"""``make demo``: from nothing to predictions. A cluster, the operator, the Titanic example, and what comes back.

Every step can be run again; what is there already is kept. Stops with a sentence, and with the
endpoint's own words, where something fails. It must not know how any of the parts is made.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "titanic"
LOCAL_KUBECONFIG = Path(os.environ.get("MLENDPOINTS_STATE") or "/var/lib/mlendpoints") / "kubeconfig"
GATEWAY = os.environ.get("GATEWAY_SERVICE") or "istio-ingress/istio-ingressgateway"
REGISTRY = os.environ.get("REGISTRY") or "localhost/mlendpoints"
TAG = os.environ.get("TAG") or "dev"
HOST = "titanic.example.com"
VARIANT = "x-amzn-invoked-production-variant"
PASSENGERS = {
    "a woman in first class": {"class": "1st", "sex": "female", "age": "adult"},
    "a man in third class": {"class": "3rd", "sex": "male", "age": "adult"},
    "a boy in second class": {"class": "2nd", "sex": "male", "age": "child"},
}
REQUESTS = 20
READY_SECONDS = 300.0
NEXT = """
Everything is left running. Four things to try next:

  1. Give both models half of the traffic; no pod is touched. Set both weights to 50 here:
       hack/on-cluster kubectl -n titanic edit mlec/titanic
  2. Scale the first model to two pods:
       hack/on-cluster kubectl -n titanic scale mlm/%s --replicas 2
  3. %s
  4. %s
"""


class DemoError(Exception):
    """Said in one sentence."""


def main() -> int:
    """1 with a sentence where a step fails."""
    start = time.monotonic()
    try:
        _bring_up()
        endpoint = _wait_until_ready()
        with _gateway() as address:
            _predict(address)
            _count_variants(address)
    except DemoError as failure:
        print(f"\nThe demo failed: {failure}", file=sys.stderr)
        return 1
    _show("mle,mlec,mlm in the namespace titanic")
    _run("hack/on-cluster", "kubectl", "--namespace", "titanic", "get", "mle,mlec,mlm")
    print(NEXT % (endpoint["status"]["variants"][0]["instance"], _monitoring(), _goodbye()), end="")
    print(f"\nThe demo took {time.monotonic() - start:.0f} s.")
    return 0


def _bring_up() -> None:
    _show("A cluster with Istio")
    _run("hack/cluster")
    _show("The images")
    _run("make", "--no-print-directory", "images")
    _show("The operator, by its Helm chart")
    _run("make", "--no-print-directory", "deploy", output=subprocess.DEVNULL)
    _run("hack/on-cluster", "kubectl", "--namespace", "machine-learning", "get", "deployment,pods")
    _show("The Titanic example: two models, a config that splits 90 : 10, an endpoint")
    _run("hack/on-cluster", "kubectl", "apply", "--filename", "-", stdin=_manifests())


def _manifests() -> str:
    """The example, with the images that were just built."""
    manifests = _kubectl("kustomize", str(EXAMPLE))
    return re.sub(r"localhost/mlendpoints/([a-z-]+):dev", rf"{REGISTRY}/\1:{TAG}", manifests)


def _wait_until_ready() -> Mapping[str, Any]:
    _show("Until the endpoint is ready")
    start, said = time.monotonic(), ""
    while time.monotonic() < start + READY_SECONDS:
        endpoint: Mapping[str, Any] = json.loads(
            _kubectl("--namespace", "titanic", "get", "mle/titanic", "--output", "json")
        )
        line = _progress(endpoint)
        if line != said:
            print(f"  {time.monotonic() - start:4.0f} s  {line}", flush=True)
            said = line
        if _is_ready(endpoint):
            return endpoint
        if endpoint.get("status", {}).get("state") == "Failed":
            break
        time.sleep(0.5)
    _run("hack/on-cluster", "kubectl", "--namespace", "titanic", "describe", "mle/titanic")
    raise DemoError(f"endpoint titanic is not ready: {said}")


def _is_ready(endpoint: Mapping[str, Any]) -> bool:
    condition = _conditions(endpoint).get("Ready", {})
    current = condition.get("observedGeneration", 0) >= endpoint["metadata"]["generation"]
    return condition.get("status") == "True" and current


def _progress(endpoint: Mapping[str, Any]) -> str:
    """The first condition that is not True, or that the endpoint is ready."""
    conditions = _conditions(endpoint)
    for kind in ("ConfigResolved", "ModelsReady", "RoutesProgrammed", "UpdateSucceeded", "Ready"):
        condition = conditions.get(kind)
        if condition is None or condition["status"] != "True":
            return (
                f"{kind}: {condition.get('message') or condition['reason']}" if condition else f"{kind}: not judged yet"
            )
    return f"Ready at {endpoint['status'].get('url')}"


def _conditions(endpoint: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    return {condition["type"]: condition for condition in endpoint.get("status", {}).get("conditions", ())}


@contextmanager
def _gateway() -> Iterator[str]:
    """An address of the gateway that is reachable from this machine: its Service's, else a forwarded port."""
    namespace, name = GATEWAY.split("/")
    if _is_local():
        yield _kubectl("--namespace", namespace, "get", "service", name, "--output", "jsonpath={.spec.clusterIP}")
        return
    command = ["hack/on-cluster", "kubectl", "--namespace", namespace, "port-forward", f"service/{name}", ":80"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as forward:
        try:
            line = forward.stdout.readline() if forward.stdout else ""
            found = re.search(r"127\.0\.0\.1:\d+", line)
            if not found:
                raise DemoError(f"no port of the gateway {GATEWAY} could be forwarded")
            yield found[0]
        finally:
            forward.terminate()


def _predict(address: str) -> None:
    _show(f"Predictions through the gateway at {address}")
    for who, passenger in PASSENGERS.items():
        body = json.dumps(passenger)
        curl = f"curl -H 'Host: {HOST}' -H 'Content-Type: application/json' http://{address}/invocations -d '{body}'"
        answer, variant = _ask(address, body)
        print(f"  {who}\n  $ {curl}\n  {answer.strip()}  (by {variant})\n")


def _count_variants(address: str) -> None:
    body = json.dumps(list(PASSENGERS.values()))
    tally = Counter(_ask(address, body)[1] for _ in range(REQUESTS))
    shares = ", ".join(f"{variant} {count}" for variant, count in sorted(tally.items()))
    print(f"  Of {REQUESTS} requests, by the variant that answered: {shares}")


def _ask(address: str, body: str) -> tuple[str, str]:
    """The answer and the variant that gave it."""
    headers = {"Host": HOST, "Content-Type": "application/json"}
    request = Request(f"http://{address}/invocations", data=body.encode(), headers=headers)
    try:
        with urlopen(request, timeout=60) as response:  # noqa: S310
            return response.read().decode(), response.headers[VARIANT] or "nobody known"
    except OSError as error:
        raise DemoError(f"the endpoint did not respond at {address}: {error}") from error


def _monitoring() -> str:
    if _is_local():
        what = "Install Prometheus, and see requests and latency at the address that it prints:"
        return f"{what}\n       make cluster-up ADDONS=prometheus"
    return "Let your Prometheus scrape it: docs/how-to/monitor.md"


def _goodbye() -> str:
    if _is_local():
        return "Remove all of it, without a trace:\n       make cluster-down"
    return "Remove all of it:\n       make undeploy uninstall; kubectl delete namespace titanic machine-learning"


def _is_local() -> bool:
    return Path(os.environ.get("KUBECONFIG") or LOCAL_KUBECONFIG) == LOCAL_KUBECONFIG


def _show(title: str) -> None:
    print(f"\n== {title}", flush=True)


def _kubectl(*arguments: str) -> str:
    return _run("hack/on-cluster", "kubectl", *arguments, output=subprocess.PIPE)


def _run(*command: str, stdin: str | None = None, output: int | None = None) -> str:
    """What it printed, where ``output`` asks for it."""
    finished = subprocess.run(command, cwd=ROOT, check=False, input=stdin, stdout=output, text=True)
    if finished.returncode:
        raise DemoError(f"`{_shortened(command)}` failed with exit code {finished.returncode}; see its output above")
    return finished.stdout or ""


def _shortened(command: Sequence[str]) -> str:
    return " ".join(command)[:160]


if __name__ == "__main__":
    sys.exit(main())
