/**
 * A made-up federation for developing the view: topologies and the traffic on them.
 *
 * Out: `{servers, nodes, edges, late}` in the hub's forms, and per edge a `plan` (rate, share of errors, ms).
 * Scenes: `demo` (what `make demo` plays), `shop` (two full servers), `big` (many nodes, for frame rates).
 */

const node = (id, kind, server, name, more = {}) => ({
  id,
  kind,
  server,
  name,
  proxy_kind: null,
  addresses: [],
  containers: [],
  first_seen: null,
  last_seen: null,
  within: null,
  ...more,
});

function serverOf(letter, n, services) {
  const id = `server-${letter}`;
  const address = `10.10.0.1${n}`;
  const proxies = [`${id}/public-proxy`, `${id}/private-proxy`];
  const nodes = [
    node(proxies[0], "proxy", id, "public-server-proxy", {
      proxy_kind: "public",
      addresses: [`198.51.100.${n}:80`],
    }),
    node(proxies[1], "proxy", id, "private-server-proxy", {
      proxy_kind: "private",
      addresses: [`${address}:80`],
    }),
    ...services.map(([name, image], i) => {
      const ip = `172.2${n}.0.${4 + i}`;
      const containers = [
        { name: `${name}-1`, address: ip, network: "private-server-proxy-network", image: image ?? null },
      ];
      return node(`${id}/${name}`, "service", id, name, { addresses: [ip], containers });
    }),
  ];
  const server = {
    id,
    connected: true,
    internal_addresses: [address],
    public_addresses: [`198.51.100.${n}`],
    proxies,
    networks: [{ name: "private-server-proxy-network", subnets: [`172.2${n}.0.0/16`], shared: false }],
  };
  return { server, nodes };
}

function edgeList() {
  const edges = [];
  const add = (from, to, origin, via, rate, errors = 0, ms = 8) => {
    const index = edges.length;
    edges.push({ id: `e${index}`, index, from, to, origin, via, plan: { rate, errors, ms } });
  };
  return { edges, add };
}

function demo() {
  const services = [["communicating-service"], ["non-communicating-service"]];
  const [a, b, c] = ["a", "b", "c"].map((letter, i) => serverOf(letter, i + 1, services));
  const outside = [
    node("external/internet", "external", null, "internet", {
      addresses: ["203.0.113.9", "203.0.113.10", "203.0.113.44"],
    }),
    ...["198.51.100.7", "2001:db8:3::77"].map((address) =>
      node(`internet:${address}`, "external", null, address, {
        addresses: [address],
        within: "external/internet",
      }),
    ),
    node("external/office-vpn", "external", null, "office-vpn", { addresses: ["10.8.0.4"] }),
    node("outside/203.0.113.66", "outside", null, "203.0.113.66", { addresses: ["203.0.113.66"] }),
    node("server-a/unnamed", "server", "server-a", "server-a", { addresses: ["10.10.0.11"] }),
    node("server-b/gateway", "gateway", "server-b", "host or NAT of server-b", { addresses: ["172.22.0.1"] }),
  ];
  const { edges, add } = edgeList();
  const s = (letter, name) => `server-${letter}/${name}`;
  const [com, non, pub, pri] = [
    "communicating-service",
    "non-communicating-service",
    "public-proxy",
    "private-proxy",
  ];
  for (const l of ["a", "b"]) {
    const other = l === "a" ? "b" : "a";
    add("external/internet", s(l, com), "public", [s(l, pub)], l === "a" ? 2.4 : 1.3, 0.02, 38);
    add(s(l, com), s(l, non), "same_server", [s(l, pri)], 3.1, 0.07, 3);
    add(s(l, com), s(other, non), "cross_server", [s(l, pri), s(other, pri)], 1.6, 0.05, 6);
    add("external/internet", s(l, pub), "public", [s(l, pub)], 0.3, 1, 0.4);
    add("internet:198.51.100.7", s(l, com), "public", [s(l, pub)], 1.1, 0.02, 36);
  }
  add("internet:2001:db8:3::77", s("a", pub), "public", [s("a", pub)], 0.8, 1, 0.5);
  add(s("a", com), s("b", com), "cross_server", [s("a", pri), s("b", pri)], 0.7, 0, 31);
  add("external/office-vpn", s("b", non), "public", [s("b", pub)], 0.5, 0.1, 5);
  add("server-a/unnamed", s("b", non), "cross_server_direct", [s("b", pri)], 0.25, 0, 4);
  add(s("b", com), s("a", com), "hairpin", [s("a", pub)], 0.25, 0, 44);
  add("outside/203.0.113.66", s("a", non), "outside", [s("a", pri)], 0.2, 0.6, 2);
  add("server-b/gateway", s("b", non), "undecided", [s("b", pri)], 0.3, 0, 3);
  const before = edges.length;
  add("external/internet", s("c", com), "public", [s("c", pub)], 0.9, 0.02, 33);
  add(s("c", com), s("c", non), "same_server", [s("c", pri)], 1.2, 0.05, 3);
  add(s("c", com), s("a", non), "cross_server", [s("c", pri), s("a", pri)], 0.8, 0.1, 7);
  add(s("b", com), s("c", non), "cross_server", [s("b", pri), s("c", pri)], 0.6, 0, 7);
  return {
    servers: [a.server, b.server],
    nodes: [...a.nodes, ...b.nodes, ...outside],
    edges: edges.slice(0, before),
    late: { servers: [c.server], nodes: c.nodes, edges: edges.slice(before) },
  };
}

const SHOP = {
  a: {
    name: "a",
    services: [
      ["storefront", "next:14"],
      ["auth", "keycloak:24"],
      ["blog", "ghost:5"],
      ["images", "imgproxy:3"],
      ["search", "meilisearch:1"],
      ["shop-api", "node:20"],
      ["cart", "go-cart:2"],
      ["postgres", "postgres:16"],
      ["queue", "rabbitmq:3"],
      ["redis", "redis:7"],
      ["mailer", "postfix:3"],
    ],
    entry: { storefront: 24, auth: 8, blog: 5, images: 12, "shop-api": 6 },
    calls: [
      ["storefront", "search", 6],
      ["storefront", "shop-api", 11],
      ["auth", "postgres", 7],
      ["blog", "postgres", 2],
      ["images", "redis", 4],
      ["shop-api", "cart", 6],
      ["shop-api", "postgres", 9],
      ["cart", "queue", 3],
      ["cart", "redis", 8],
      ["search", "postgres", 2],
      ["queue", "mailer", 1],
    ],
  },
  b: {
    name: "b",
    services: [
      ["grafana", "grafana:11"],
      ["gitea", "gitea:1.22"],
      ["partner-api", "fastapi"],
      ["registry", "distribution"],
      ["prometheus", "prom"],
      ["billing", "php-fpm"],
      ["warehouse", "clickhouse"],
      ["minio", "s3"],
      ["mariadb", "mariadb:11"],
    ],
    entry: { grafana: 2, gitea: 3, "partner-api": 9, registry: 1 },
    calls: [
      ["grafana", "prometheus", 2],
      ["gitea", "mariadb", 4],
      ["partner-api", "billing", 5],
      ["partner-api", "warehouse", 4],
      ["registry", "minio", 1],
      ["billing", "mariadb", 6],
      ["warehouse", "minio", 2],
    ],
  },
};

function shop() {
  const { edges, add } = edgeList();
  const parts = Object.values(SHOP).map((s, i) => ({ ...s, ...serverOf(s.name, i + 1, s.services) }));
  const outside = ["crawlers", "internet", "uptime-checks", "office-vpn"].map((name) =>
    node(`external/${name}`, "external", null, name, { addresses: ["203.0.113.7", "203.0.113.8"] }),
  );
  outside.push(
    node("outside/203.0.113.77", "outside", null, "203.0.113.77", { addresses: ["203.0.113.77"] }),
  );
  for (const { server, entry, calls } of parts) {
    const s = (name) => `${server.id}/${name}`;
    Object.entries(entry).forEach(([name, rate], i) => {
      add("external/internet", s(name), "public", [s("public-proxy")], rate, 0.015, 48);
      if (i < 2)
        add(`external/${["crawlers", "office-vpn"][i]}`, s(name), "public", [s("public-proxy")], 1, 0.02, 30);
    });
    add("external/uptime-checks", s(Object.keys(entry)[0]), "public", [s("public-proxy")], 0.4, 0, 8);
    for (const [from, to, rate] of calls)
      add(
        s(from),
        s(to),
        "same_server",
        [s("private-proxy")],
        rate,
        to === "mailer" || to === "billing" ? 0.12 : 0.004,
        9,
      );
  }
  const [a, b] = parts.map((p) => p.server.id);
  const cross = (x, from, y, to, rate) =>
    add(
      `${x}/${from}`,
      `${y}/${to}`,
      "cross_server",
      [`${x}/private-proxy`, `${y}/private-proxy`],
      rate,
      0.01,
      12,
    );
  cross(a, "shop-api", b, "billing", 5);
  cross(a, "cart", b, "warehouse", 3);
  cross(b, "partner-api", a, "redis", 2);
  cross(b, "billing", a, "mailer", 1);
  add("outside/203.0.113.77", `${a}/redis`, "outside", [`${a}/private-proxy`], 0.3, 1, 2);
  return {
    servers: parts.map((p) => p.server),
    nodes: [...parts.flatMap((p) => p.nodes), ...outside],
    edges,
    late: null,
  };
}

function big(count) {
  const { edges, add } = edgeList();
  const servers = Math.max(2, Math.round(count / 50));
  const each = Math.round(count / servers) - 2;
  const parts = Array.from({ length: servers }, (_, i) =>
    serverOf(
      `n${i}`,
      i,
      Array.from({ length: each }, (_, k) => [`service-${k}`]),
    ),
  );
  const world = node("external/internet", "external", null, "internet");
  const name = (i, k) => `server-n${i}/service-${k}`;
  parts.forEach((_, i) => {
    for (let k = 0; k < each; k++) {
      if (k < each / 4) add(world.id, name(i, k), "public", [`server-n${i}/public-proxy`], 2, 0.01, 20);
      else
        add(
          name(i, Math.floor(k / 2)),
          name(i, k),
          "same_server",
          [`server-n${i}/private-proxy`],
          2,
          0.01,
          8,
        );
      add(name(i, k), name(i, (k * 7 + 3) % each), "same_server", [`server-n${i}/private-proxy`], 1, 0.01, 8);
      const other = (i + 1) % servers;
      if (k % 3 === 0)
        add(
          name(i, k),
          name(other, k),
          "cross_server",
          [`server-n${i}/private-proxy`, `server-n${other}/private-proxy`],
          1,
          0.01,
          9,
        );
    }
  });
  return {
    servers: parts.map((p) => p.server),
    nodes: [world, ...parts.flatMap((p) => p.nodes)],
    edges,
    late: null,
  };
}

export function worldOf(scene, count) {
  if (scene === "shop") return shop();
  return scene === "big" ? big(count) : demo();
}
