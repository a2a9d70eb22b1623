"""From observations to settled calls: the hub's core, without sockets, files or clocks."""
