import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

// The file of the first requests stands before that of the app, and waits for nothing: it runs while the app is being loaded.
const earlyFirst: Plugin = {
  name: "early-first",
  apply: "build",
  transformIndexHtml: {
    order: "post",
    handler(page, { bundle }) {
      const early = Object.values(bundle ?? {}).find((file) => file.type === "chunk" && file.name === "early");
      if (!early || !page.includes("<script ")) throw new Error("The page has no place for the first requests.");
      return page.replace("<script ", `<script type="module" async fetchpriority="high" crossorigin src="./${early.fileName}"></script>\n    <script `);
    },
  },
};

// Relative addresses: the same files work under any path prefix. The API writes the prefix into <base>.
export default defineConfig({
  base: "./",
  plugins: [react(), earlyFirst],
  build: {
    target: "es2022",
    chunkSizeWarningLimit: 800,
    rollupOptions: { input: { index: "index.html", early: "src/api/early.ts" } },
  },
  server: { proxy: { "/api": "http://localhost:5080", "/webhooks": "http://localhost:5080" } },
});
