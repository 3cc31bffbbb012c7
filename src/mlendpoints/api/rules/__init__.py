"""CEL rules of the CRDs. ``by_kind`` lists them; the other modules hold those that several kinds share."""
