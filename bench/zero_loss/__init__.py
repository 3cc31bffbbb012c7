"""What requests live through while an endpoint is changed: none may get lost. See docs/explanation/zero-loss.md."""
