import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const hub = process.env.HOPWATCH_HUB ?? "http://127.0.0.1:8082";

export default defineConfig({
  resolve: { alias: { "#forms": fileURLToPath(new URL("../gen/ts/forms.ts", import.meta.url)) } },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: { proxy: { "/api": { target: hub, ws: true } } },
  test: { environment: "happy-dom", include: ["test/**/*.test.ts"] },
});
