import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";
import { ApiError } from "./api/client";
import { App } from "./App";
import { Boundary } from "./ui/Boundary";
import { Toasts } from "./ui/ui";
import "@xyflow/react/dist/base.css";
import "./styles.css";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2000,
      // What the API refuses it refuses again; an API that is away comes back.
      retry: (failures, error) => error instanceof ApiError && error.isAway && failures < 5,
      retryDelay: (failures) => Math.min(500 * 2 ** failures, 10_000),
    },
  },
});

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <BrowserRouter basename={new URL(document.baseURI).pathname.replace(/\/$/, "")}>
        <Boundary>
          <App />
        </Boundary>
        <Toasts />
      </BrowserRouter>
    </QueryClientProvider>
  </StrictMode>,
);
