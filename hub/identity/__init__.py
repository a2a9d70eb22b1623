"""Who had which address of which server, and when: callers and callees."""
