"""The keys of a Secret that are accepted for an object store, and the bucket URL they lead to. No I/O.

The store's library accepts many more, by which a Secret could make it read files, run
programs, or request credentials from other servers. They are rejected by name.
"""

import json
import re
from collections.abc import Mapping

from outbound.credentials import Credentials
from outbound.failures import SECRET, RequestFailed, shown

PREFIXES: Mapping[str, tuple[str, ...]] = {"s3": ("aws_",), "gs": ("google_",), "az": ("azure_storage_", "azure_")}
GOOGLE_KEY = "gcloud-application-credentials.json"
TAKEN: Mapping[str, frozenset[str]] = {
    "s3": frozenset(
        (
            *("access_key_id", "secret_access_key", "session_token", "token", "region", "default_region", "endpoint"),
            *("skip_signature", "virtual_hosted_style_request", "request_payer", "unsigned_payload"),
        )
    ),
    "gs": frozenset(("service_account_key", "base_url", "skip_signature")),
    "az": frozenset(
        (
            *("account_name", "account_key", "access_key", "endpoint", "skip_signature"),
            *("client_id", "client_secret", "tenant_id"),
        )
    ),
}
PLAIN = {"region", "default_region", "account_name", "tenant_id"}
"""Used in hosts and paths."""
WORD = re.compile(r"[A-Za-z0-9_-]{1,63}")
BUCKET = re.compile(r"[$A-Za-z0-9][A-Za-z0-9._-]{0,254}")


def config_of(scheme: str, credentials: Credentials, environment: Mapping[str, str]) -> dict[str, str]:
    """The Secret's keys for the store, by the library's names without the store's prefix; raises ``RequestFailed``."""
    config = {}
    for key, value in credentials.values.items():
        if prefix := next((each for each in PREFIXES[scheme] if key.lower().startswith(each)), ""):
            name = key.lower().removeprefix(prefix)
            name = "endpoint" if name == "endpoint_url" else name
            _check(scheme, key, name, value)
            config[name] = value
    if credentials.values and not config and GOOGLE_KEY not in credentials.values:
        raise RequestFailed(
            f"{SECRET} has no key for {scheme} (found: {credentials.found}); supported: {_supported(scheme)}"
        )
    if scheme == "s3" and "region" not in config:
        named = (environment.get(name) for name in ("AWS_REGION", "AWS_DEFAULT_REGION"))
        config["region"] = config.get("default_region") or next(filter(None, named), "us-east-1")
    if scheme == "gs":
        _add_google_key(config, credentials)
    return config


def _check(scheme: str, key: str, name: str, value: str) -> None:
    if name not in TAKEN[scheme]:
        raise RequestFailed(
            f"{SECRET} contains {shown(key.encode())}, which is not supported for {scheme}; "
            f"remove it. Supported: {_supported(scheme)}"
        )
    if name in PLAIN and not WORD.fullmatch(value):
        raise RequestFailed(f"{key} in {SECRET} must consist of at most 63 letters, digits, - and _")


def _supported(scheme: str) -> str:
    return ", ".join(sorted(f"{PREFIXES[scheme][0]}{each}".upper() for each in TAKEN[scheme]))


def _add_google_key(config: dict[str, str], credentials: Credentials) -> None:
    """Adds the key file, which may name another endpoint."""
    if GOOGLE_KEY in credentials.values:
        config["service_account_key"] = credentials.values[GOOGLE_KEY]
    try:
        key = json.loads(config.get("service_account_key", "{}"))
    except ValueError as error:
        raise RequestFailed(f"the service account key in {SECRET} is not valid JSON") from error
    if isinstance(key, dict) and isinstance(key.get("gcs_base_url"), str):
        config["base_url"] = key["gcs_base_url"]


def base_of(scheme: str, name: str, config: Mapping[str, str]) -> str:
    """The base URL of a bucket's objects; raises ``RequestFailed``."""
    if not BUCKET.fullmatch(name):
        raise RequestFailed(f"expected {scheme}://BUCKET/KEY, with a bucket name of letters, digits, ., - and _")
    endpoint = config.get("base_url" if scheme == "gs" else "endpoint", "").rstrip("/")
    if scheme == "s3" and config.get("virtual_hosted_style_request", "").lower() == "true":
        return endpoint or f"https://{name}.s3.{config['region']}.amazonaws.com"
    usual = {
        "s3": f"https://s3.{config.get('region')}.amazonaws.com",
        "gs": "https://storage.googleapis.com",
        "az": f"https://{config.get('account_name', '')}.blob.core.windows.net",
    }
    return f"{endpoint or usual[scheme]}/{name}"
