"""Pods that Kubernetes' own admission rejects, told of the container that is meant and with the way out that works."""

from functools import partial
from pathlib import Path

import pytest

from mlendpoints.edge.kube.kinds import MLMODEL
from tests.apiserver.mlmodel.rig import Rig, a_spec, play
from tests.kit.client import Object


def limits(**item: Object) -> Object:
    return {"metadata": {"name": "limits"}, "spec": {"limits": [{"type": "Container", **item}]}}


async def until_rejected(rig: Rig, reason: str) -> str:
    async def said() -> str:
        status = (await rig.get(MLMODEL)).get("status", {})
        found = {condition["type"]: condition for condition in status.get("conditions", ())}
        return str(status["message"]) if found.get("Ready", {}).get("reason") == reason else ""

    return str(await rig.eventually(said, reason, last=partial(rig.get, MLMODEL)))


def test_a_limit_range_and_a_quota_are_told_with_the_way_out(
    workloads_kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(rig: Rig) -> None:
        core = f"/api/v1/namespaces/{rig.namespace}"
        await rig.client.create(f"{core}/limitranges", limits(min={"cpu": "15m"}))
        await rig.create(MLMODEL, "titanic", a_spec(artifact="", cpus="20m"))
        said = await until_rejected(rig, "InvalidSpec")
        assert "minimum cpu usage per Container is 15m, but request is 10m" in said
        assert "That is container nginx, which the operator adds" in said
        assert "value nginx.resources of the operator's chart" in said

        quota = {"metadata": {"name": "quota"}, "spec": {"hard": {"limits.cpu": "2"}}}
        await rig.client.create(f"{core}/resourcequotas", quota)
        counted = {"hard": {"limits.cpu": "2"}, "used": {"limits.cpu": "0"}}  # by a controller that does not run here
        await rig.client.set_status(f"{core}/resourcequotas/quota", counted)
        await rig.client.ask("DELETE", f"{core}/limitranges/limits")  # the Deployment's condition still names it
        said = await until_rejected(rig, "QuotaExceeded")
        assert "must specify limits.cpu for: model,nginx" in said
        assert "Create a LimitRange in the namespace that sets default of limits.cpu for containers" in said

        await rig.client.create(f"{core}/limitranges", limits(default={"cpu": "100m"}))
        await rig.edit({"env": [{"name": "AGAIN", "value": "1"}]})  # a new ReplicaSet does not wait for the next retry
        await rig.until("Ready")

    play(workloads_kubeconfig, monkeypatch, scenario)
