import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Relative addresses: the same files work under any path prefix. The API writes the prefix into <base>.
export default defineConfig({
  base: "./",
  plugins: [react()],
  build: {
    target: "es2022",
    chunkSizeWarningLimit: 800,
  },
  server: { proxy: { "/api": "http://localhost:5080", "/webhooks": "http://localhost:5080" } },
});
