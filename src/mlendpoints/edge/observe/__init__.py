"""What is observed: lists and watches, the cache, and which endpoint or MLModel each change concerns."""
