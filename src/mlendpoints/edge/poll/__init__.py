"""What no watch shows, and so is asked for: gateway pods' answers, pods' events, what stands in a write's way."""
