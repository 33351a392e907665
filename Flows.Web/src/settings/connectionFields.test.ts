import { expect, test } from "vitest";
import type { PieceDescription, Schemas } from "../api/client";
import { fieldsOf, valueOf } from "./connectionFields";

const sheets = { name: "google_sheets", auth: { kind: "oauth2", fields: [], oAuth: { scopes: ["one", "two"] } } } as unknown as PieceDescription;

test("a piece that signs in asks for a client or an app of the project, and not for both", () => {
  const names = (apps: string[], values: Record<string, string>) => fieldsOf("google_sheets", sheets, apps, values).map((field) => field.name);
  expect(names([], {})).toEqual(["clientId", "clientSecret", "scope"]);
  expect(names(["google"], {})).toEqual(["app", "clientId", "clientSecret", "scope"]);
  expect(names(["google"], { app: "google" })).toEqual(["app", "scope"]);
});

test("nobody signs in with client credentials, so there is no page for it", () => {
  const names = (grant: string) => fieldsOf("oauth2", undefined, [], { grant }).map((field) => field.name);
  expect(names("authorization_code")).toContain("authorizeUrl");
  expect(names("client_credentials")).not.toContain("authorizeUrl");
});

test("a change sends what was filled in, takes away what was emptied, and leaves secrets alone", () => {
  const fields = fieldsOf("basic", undefined, [], {});
  const before = { fields: { username: "ada", password: null } } as unknown as Schemas["ConnectionView"];
  expect(valueOf(fields, { username: "", password: "" }, before)).toEqual({ username: null });
  expect(valueOf(fields, { username: "grace", password: "new" }, before)).toEqual({ username: "grace", password: "new" });
});
