import pytest

from mlendpoints.core.world import HostGrant
from mlendpoints.core.world import Settings as CoreSettings
from mlendpoints.edge.settings import Settings, SettingsError, read_settings


def test_an_empty_environment_gives_the_defaults() -> None:
    assert read_settings({}) == Settings()


def test_an_empty_variable_counts_as_unset() -> None:
    assert read_settings({"MLENDPOINTS_PORT": "", "MLENDPOINTS_NAMESPACES": ""}) == Settings()


def test_each_kind_of_value_is_read() -> None:
    environment = {
        "MLENDPOINTS_NAMESPACES": "a, b,",
        "MLENDPOINTS_GATEWAY_SELECTOR": '{"istio": "edge"}',
        "MLENDPOINTS_TLS_CREDENTIALS": '{"example.com": "wildcard"}',
        "MLENDPOINTS_ALLOWED_PATH_PREFIXES": "/mnt/models, team-a=/srv",
        "MLENDPOINTS_FETCH_ALLOWED_ADDRESSES": "169.254.20.10, fd00::/8",
        "MLENDPOINTS_FETCH_HTTPS_PROXY": "http://proxy.example.com:3128",
        "MLENDPOINTS_DRAIN_SECONDS": "3",
        "MLENDPOINTS_PROOF": "timed",
        "MLENDPOINTS_PROOF_SECONDS": "1.5",
        "MLENDPOINTS_URL_PORT": "8443",
        "MLENDPOINTS_NGINX_RESOURCES": '{"requests": {"cpu": "50m"}}',
        "MLENDPOINTS_GATEWAY_DOMAIN": "ml.example.com",
        "MLENDPOINTS_MONITORING_URL": "https://[fd00::1]:3000/d/a?var-namespace={namespace}&var-endpoint={name}&b=%7B",
        "MLENDPOINTS_POD_MONITORS": "never",
        "MLENDPOINTS_POD_MONITOR_LABELS": '{"release": "prometheus", "example.com/team": ""}',
        "MLENDPOINTS_SCRAPE_SECONDS": "7",
        "MLENDPOINTS_GATEWAY_HOSTS": '[{"namespaces": ["shop"], "suffixes": ["shop.example.com", "*"]}]',
    }
    expected = Settings(
        namespaces=("a", "b"),
        gateway_selector={"istio": "edge"},
        tls_credentials={"example.com": "wildcard"},
        allowed_path_prefixes=("/mnt/models", "team-a=/srv"),
        fetch_allowed_addresses=("169.254.20.10/32", "fd00::/8"),
        fetch_https_proxy="http://proxy.example.com:3128",
        drain_seconds=3,
        proof="timed",
        proof_seconds=1.5,
        url_port=8443,
        nginx_resources={"requests": {"cpu": "50m"}},
        gateway_domain="ml.example.com",
        monitoring_url="https://[fd00::1]:3000/d/a?var-namespace={namespace}&var-endpoint={name}&b=%7B",
        pod_monitors="never",
        pod_monitor_labels={"release": "prometheus", "example.com/team": ""},
        scrape_seconds=7,
        gateway_hosts=(HostGrant(namespaces=("shop",), suffixes=("shop.example.com", "*")),),
    )
    assert read_settings(environment) == expected


def test_other_variables_are_left_alone() -> None:
    assert read_settings({"HOME": "/root", "MLENDPOINTS_STATE": "/var/lib/mlendpoints"}) == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NGINX_RESOURCES", '{"requests": {"cpu": "much"}}'),
        ("NGINX_RESOURCES", '{"request": {"cpu": "50m"}}'),
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("ALLOWED_PATH_PREFIXES", "/"),
        ("ALLOWED_PATH_PREFIXES", "mnt"),
        ("ALLOWED_PATH_PREFIXES", "Team=/mnt"),
        ("ALLOWED_PATH_PREFIXES", "/mnt,team-a=/mnt/models"),
        ("WORKERS", "0"),
        ("PROOF", "sometimes"),
        ("LOG_LEVEL", "loud"),
        ("GATEWAY_SERVICE", "istio-ingressgateway"),
        ("GATEWAY_SELECTOR", "istio=edge"),
        ("TLS_CREDENTIALS", '{"example.com": 1}'),
        ("FETCH_ALLOWED_ADDRESSES", "10.0.0.1, store.example.com"),
        ("FETCH_ALLOWED_ADDRESSES", "10.0.0.1/8"),
        ("FETCH_HTTP_PROXY", "https://proxy.example.com"),
        ("GATEWAY_DOMAIN", "*.example.com"),
        ("GATEWAY_DOMAIN", "Example.com"),
        ("GATEWAY_HOSTS", '[{"namespaces": ["shop"], "suffixes": ["*.example.com"]}]'),
        ("GATEWAY_HOSTS", '[{"namespaces": ["shop"]}]'),
        ("GATEWAY_HOSTS", '[{"namespaces": [], "suffixes": ["example.com"]}]'),
        ("GATEWAY_HOSTS", '[{"namespaces": ["shop"], "suffixes": ["*"], "suffix": ["*"]}]'),
        ("MONITORING_URL", "grafana.example.org/d/a"),
        ("MONITORING_URL", "javascript:alert(1)"),
        ("MONITORING_URL", "https:///d/a"),
        ("MONITORING_URL", "https://grafana.example.org:99999/"),
        ("MONITORING_URL", "https://grafana.example.org/{endpoint}"),
        ("MONITORING_URL", "https://grafana.example.org/{{name}}"),
        ("MONITORING_URL", "https://grafana.example.org/{name"),
        ("MONITORING_URL", "https://grafana.example.org/\x1b[31m"),
        ("MONITORING_URL", "https://grafana.example.org/a b"),
        ("MONITORING_URL", "https://grafana.example.org/" + "a" * 1024),
        ("POD_MONITORS", "False"),
        ("POD_MONITOR_LABELS", '{"app.kubernetes.io/managed-by": "me"}'),
        ("POD_MONITOR_LABELS", '{"mlendpoints.dev/endpoint": "a"}'),
        ("POD_MONITOR_LABELS", '{"a b": "c"}'),
        ("POD_MONITOR_LABELS", '{"a": "b c"}'),
        ("POD_MONITOR_LABELS", '{"a": 1}'),
        ("SCRAPE_SECONDS", "0"),
        ("SCRAPE_SECONDS", "301"),
    ],
)
def test_a_bad_value_is_refused_by_its_variables_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"MLENDPOINTS_{name}: "):
        read_settings({f"MLENDPOINTS_{name}": value})


def test_a_url_with_a_password_is_rejected_without_showing_it() -> None:
    with pytest.raises(SettingsError, match="without a user") as error:
        read_settings({"MLENDPOINTS_MONITORING_URL": "https://admin:canary@grafana.example.org/"})
    assert "canary" not in str(error.value)
    assert "canary" not in repr(error.value.__cause__)


def test_decisions_get_every_setting_that_they_know() -> None:
    settings = Settings(proof="timed", drain_seconds=4, retry_attempts=0)
    assert set(CoreSettings.__struct_fields__) <= set(Settings.__struct_fields__)
    assert (settings.core.proof, settings.core.drain_seconds, settings.core.retry_attempts) == ("timed", 4, 0)
