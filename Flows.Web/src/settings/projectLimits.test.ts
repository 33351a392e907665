import { describe, expect, it } from "vitest";
import { helpOf, limits, problemOf, type Limit } from "./projectLimits";

const of = (name: string) => limits.find((limit) => limit.name === name) as Limit;

describe("the limits of a project", () => {
  it("are whole numbers up to what the API takes", () => {
    expect(["0", "1", " 60 ", "86400"].map((typed) => problemOf(of("runTimeoutSeconds"), typed))).toEqual([null, null, null, null]);
    for (const wrong of ["", " ", "-1", "1.5", "1e3", "86401", "99999999999999", "ten"]) expect(problemOf(of("runTimeoutSeconds"), wrong)).toBe("A whole number from 0 to 86400.");
  });
  it("say what the installation has in words", () => {
    const defaults = { concurrentRuns: 0, runTimeoutSeconds: 600, pausedDays: 1, webhookPerMinute: 90 };
    expect(limits.map((limit) => helpOf(limit, defaults).split("0 takes the default of the installation: ")[1])).toEqual(["no limit.", "10 minutes.", "1 day.", "90 a minute."]);
    expect(helpOf(of("runTimeoutSeconds"), { ...defaults, runTimeoutSeconds: 61 })).toContain(": 61 seconds.");
    expect(helpOf(of("pausedDays"), undefined)).toContain("0 takes what is set for the whole installation.");
  });
});
