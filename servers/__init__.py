"""The mock servers: real Traefik proxies, mock services, and the runner that starts them."""
