import { describe, expect, it } from "vitest";
import { helpOf, limits, problemOf, type Limit } from "./projectLimits";

const of = (name: string) => limits.find((limit) => limit.name === name) as Limit;

describe("the limits of a project", () => {
  const ceilings = { concurrentRuns: 100_000, runTimeoutSeconds: 600, pausedDays: 30, webhookPerMinute: 10_000_000 };
  it("are whole numbers up to the ceiling of the installation", () => {
    expect(["0", "1", " 60 ", "600"].map((typed) => problemOf(of("runTimeoutSeconds"), typed, ceilings))).toEqual([null, null, null, null]);
    for (const wrong of ["", " ", "-1", "1.5", "1e3", "601", "99999999999999", "ten"]) expect(problemOf(of("runTimeoutSeconds"), wrong, ceilings)).toBe("A whole number from 0 to 600.");
    expect(problemOf(of("runTimeoutSeconds"), "86401", undefined)).toBe("A whole number from 0 to 86400.");
  });
  it("may stay above a ceiling that has come down since", () => {
    expect(problemOf(of("pausedDays"), "90", ceilings, "90")).toBeNull();
    expect(problemOf(of("pausedDays"), "91", ceilings, "90")).toBe("A whole number from 0 to 30.");
  });
  it("say what the installation has in words", () => {
    const defaults = { concurrentRuns: 0, runTimeoutSeconds: 600, pausedDays: 1, webhookPerMinute: 90 };
    expect(limits.map((limit) => helpOf(limit, { defaults }).split("0 takes the default of the installation: ")[1])).toEqual(["no limit.", "10 minutes.", "1 day.", "90 a minute."]);
    expect(helpOf(of("runTimeoutSeconds"), { defaults: { ...defaults, runTimeoutSeconds: 61 } })).toContain(": 61 seconds.");
    expect(helpOf(of("pausedDays"), {})).toContain("0 takes what is set for the whole installation.");
    expect(limits.map((limit) => helpOf(limit, { defaults, ceilings }).split("lets a project have ")[1])).toEqual([undefined, "10 minutes at most.", "30 days at most.", undefined]);
  });
});
