import { describe, expect, it } from "vitest";
import { firstQuestions } from "./early";

const id = "0198c1f2-7a11-7d1e-9f5e-0123456789ab";
const ask = (page: string, search = "") => firstQuestions(page, new URLSearchParams(search));

describe("what is asked for before the app is there", () => {
  it("is the list of runs as the page will ask for it, with its filters", () => {
    expect(ask("runs")).toEqual(["api/v1/runs?limit=50"]);
    expect(ask("runs", "tag=shop&status=Failed")).toEqual(["api/v1/runs?status=Failed&tag=shop&limit=50"]);
  });
  it("is nothing where the question depends on the time at which it is asked", () => expect(ask("runs", "since=24h")).toEqual([]));
  it("is a run and the first page of its journal", () => expect(ask(`runs/${id}`, "step=a")).toEqual([`api/v1/runs/${id}`, `api/v1/runs/${id}/steps?limit=500`]));
  it("is the draft, the flow and the pieces of the builder", () => expect(ask(`flows/${id}`)).toEqual([`api/v1/flows/${id}/draft`, `api/v1/flows/${id}`, "api/v1/pieces"]));
  it("is the list of flows, also where the app opens without a page", () => {
    expect(ask("")).toEqual(["api/v1/flows?limit=50&recent=24"]);
    expect(ask("flows", "folder=none&q=shop")).toEqual(["api/v1/flows?limit=50&folder=none&q=shop&recent=24"]);
  });
  it("is nothing on pages without a first list", () => {
    expect(ask("runs/compare", `left=${id}`)).toEqual([]);
    expect(ask("flows/deleted")).toEqual([]);
    expect(ask("operate")).toEqual([]);
  });
});
