"""Why pods are not ready, in words for their owner: from what containers, kubelets, nodes and the API server report."""
