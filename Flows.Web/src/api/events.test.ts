import { expect, test } from "vitest";
import { EventParser } from "./events";

const stream = 'retry: 2000\n\nid: 7\nevent: step\ndata: {"path":"a"}\n\n: still here\n\nid: 8-end\nevent: run\ndata: {"status":\ndata: "Succeeded"}\n\n';

test("events are the same in whatever pieces they come", () => {
  const whole = new EventParser().push(stream);
  expect(whole).toEqual([
    { id: "7", event: "step", data: { path: "a" } },
    { id: "8-end", event: "run", data: { status: "Succeeded" } },
  ]);
  for (const size of [1, 2, 3, 7]) {
    const parser = new EventParser();
    const found = [];
    for (let at = 0; at < stream.length; at += size) found.push(...parser.push(stream.slice(at, at + size)));
    expect(found).toEqual(whole);
  }
});

test("lines may end as on any system, also where a piece is cut between the two characters", () => {
  const parser = new EventParser();
  expect([...parser.push('event: run\r\ndata: 1\r'), ...parser.push("\n\r\n")]).toEqual([{ id: "", event: "run", data: 1 }]);
});

test("a line without an end does not fill the memory", () => {
  const parser = new EventParser();
  expect(() => {
    for (let i = 0; i < 100; i++) parser.push("x".repeat(100_000));
  }).toThrow("larger");
});
