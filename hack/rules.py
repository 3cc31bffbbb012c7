"""Rules for Prometheus and for the chart, and their reference, from ``deploy/monitoring/declaration.yaml``.

The chart's rules keep ``@threshold@``, which its template replaces by values; the plain file has the chart's defaults.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parent.parent
CHART: Final = ROOT / "deploy" / "chart" / "mlendpoints"
DECLARATION: Final = ROOT / "deploy" / "monitoring" / "declaration.yaml"
_THRESHOLD: Final = re.compile(r"@(\w+)@")

HEAD: Final = """\
<!-- Made by `make generate` from deploy/monitoring/declaration.yaml; do not edit. -->
# Recording rules and alerts

[How to enable them](../how-to/monitor.md#rules-and-alerts). `deploy/monitoring/rules.yaml` contains them for a
Prometheus without the Prometheus operator.

## Recording rules

All have the labels `namespace`, `endpoint` and `variant`; for an MLModel, `endpoint` is its name and `variant` is
`mlmodel`. Rates are means over 5 minutes, per second: for SageMaker's Sum over a minute, multiply by 60. They add up
over pods and versions, also while pods are replaced. Ratios and latencies do not exist while there are no requests.

| rule | in SageMaker | what |
|---|---|---|
"""

ALERTS: Final = """
## Alerts

None fires because an endpoint has no traffic or no longer exists. Thresholds are values of the chart, below
`monitoring.prometheusRules.thresholds`.

| alert | severity | for | threshold (default) |
|---|---|---|---|
"""


def make_rules() -> Mapping[str, str]:
    """Every generated file: path below the root -> content."""
    declared, head = declaration(), f"# Made by `make generate` from {DECLARATION.relative_to(ROOT)}; do not edit.\n"
    chart = head + yaml.dump(_groups(declared), Dumper=_Readable, sort_keys=False, width=120)
    return {
        "deploy/chart/mlendpoints/files/rules.yaml": chart,
        "deploy/monitoring/rules.yaml": _with_defaults(chart),
        "docs/reference/rules.md": _reference(declared),
    }


def declaration() -> Any:  # noqa: ANN401 - YAML
    """The declaration as it was written."""
    return yaml.safe_load(DECLARATION.read_text())


def thresholds() -> Mapping[str, float]:
    """The chart's default thresholds."""
    values: Any = yaml.safe_load((CHART / "values.yaml").read_text())
    found: Mapping[str, float] = values["monitoring"]["prometheusRules"]["thresholds"]
    return found


def _with_defaults(text: str) -> str:
    defaults = thresholds()
    return _THRESHOLD.sub(lambda name: str(defaults[name[1]]), text)


def _groups(declared: Any) -> Mapping[str, Any]:  # noqa: ANN401 - YAML
    recordings = [rule for each in declared["recordings"] for rule in _recordings(each)]
    alerts = [_alert(each) for each in declared["alerts"]]
    return {"groups": [{"name": "mlendpoints", "rules": recordings}, {"name": "mlendpoints-alerts", "rules": alerts}]}


def _recordings(declared: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """One rule, or one for each quantile."""
    for quantile in declared.get("quantiles", [""]):
        expression = declared["expr"].replace("@quantile@", quantile)
        rule = {"record": declared["record"], "expr": expression}
        yield rule | {"labels": {"quantile": quantile}} if quantile else rule


def _alert(declared: Mapping[str, Any]) -> Mapping[str, Any]:
    description = f"{declared['description']} {declared['fix']} See {declared['page']}."
    return {
        **{key: declared[key] for key in ("alert", "expr", "for")},
        "labels": {"severity": declared["severity"]},
        "annotations": {"summary": declared["summary"], "description": description},
    }


def _reference(declared: Any) -> str:  # noqa: ANN401 - YAML
    rules = "".join(_rule_row(each) for each in declared["recordings"])
    rows = "".join(_alert_row(each) for each in declared["alerts"])
    return HEAD + rules + ALERTS + rows + "".join(_section(each) for each in declared["alerts"])


def _rule_row(rule: Mapping[str, Any]) -> str:
    label = "{quantile}" if "quantiles" in rule else ""
    return f"| `{rule['record']}{label}` | {rule.get('sagemaker', '')} | {rule['help']} |\n"


def _alert_row(alert: Mapping[str, Any]) -> str:
    named = sorted({*_THRESHOLD.findall(alert["expr"]), *_THRESHOLD.findall(alert["for"])})
    bounds = ", ".join(f"`{name}` ({thresholds()[name]})" for name in named)
    name = alert["alert"]
    duration = _with_defaults(alert["for"])
    return f"| [{name}](#{name.lower()}) | {alert['severity']} | {duration} | {bounds} |\n"


def _section(alert: Mapping[str, Any]) -> str:
    text = re.sub(r"{{ \$labels\.(\w+) }}", r"`\1`", f"{alert['summary']}. {alert['description']}")
    text = re.sub(r"{{ \$value.*?}}", "(value)", text)
    page = alert["page"].removeprefix("docs/")
    expression = _with_defaults(alert["expr"].strip())
    return (
        f"\n### {alert['alert']}\n\n{text}\n\n{alert['fix']} See [{Path(page).stem}](../{page}).\n\n"
        f"```promql\n{expression}\n```\n"
    )


class _Readable(yaml.SafeDumper):
    """Writes texts of several lines as such."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Readable.add_representer(str, _text)
