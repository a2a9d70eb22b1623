"""Two lines become one call: which may be halves, what rules pairs out, the best of them."""
