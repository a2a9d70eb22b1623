"""The mock services behind the proxies of each server."""
