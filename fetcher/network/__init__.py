"""The network: connections, blocked addresses, proxies, HTTP, object stores, credentials."""
