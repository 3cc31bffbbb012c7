"""Polls what no watch delivers: answers of gateway pods, pods' metrics and events, objects that block a write."""
