"""Where captured traffic is delivered: HTTP servers, object stores, a claim."""
