"""What is on the network: connections, addresses that may be reached, HTTP, object stores, credentials."""
