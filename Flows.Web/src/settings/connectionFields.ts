import type { PieceDescription, PropDescription, Schemas } from "../api/client";
import { text } from "../text";

/** What a connection is for, as the form's first field has it: a piece, or one of the kinds that are for none. */
export const freeKinds = ["secret", "basic", "oauth2", "custom"] as const;
export type FreeKind = (typeof freeKinds)[number];
export const isFree = (target: string): target is FreeKind => (freeKinds as readonly string[]).includes(target);

export interface FormField {
  name: string;
  title: string;
  control: "text" | "secret" | "number" | "select" | "multiline";
  required: boolean;
  help?: string | null;
  options?: readonly string[];
}

const words = text.connect.fields;

const field = (name: string, title: string, control: FormField["control"], required: boolean, more: Partial<FormField> = {}): FormField => ({ name, title, control, required, ...more });

const clientFields = (apps: readonly string[], isOwn: boolean): FormField[] => [
  ...(apps.length > 0 ? [field("app", words.app, "select", false, { options: apps, help: words.appHelp })] : []),
  ...(isOwn || apps.length === 0 ? [field("clientId", words.clientId, "text", false), field("clientSecret", words.clientSecret, "secret", false)] : []),
];

/** The fields of a connection's form. @param values What was filled in so far: an OAuth app stands in for a client of its own. */
export function fieldsOf(target: string, piece: PieceDescription | undefined, apps: readonly string[], values: Record<string, string>): FormField[] {
  const client = clientFields(apps, !values.app);
  if (piece?.auth?.oAuth) return [...client, field("scope", words.scope, "text", false, { help: piece.auth.oAuth.scopes?.length ? words.scopeWhenEmpty([piece.auth.oAuth.scopes].flat().join(" ")) : null })];
  if (piece) return (piece.auth?.fields ?? []).map(ofProp);
  switch (target) {
    case "secret":
      return [field("token", words.token, "secret", true)];
    case "basic":
      return [field("username", words.username, "text", true), field("password", words.password, "secret", true)];
    case "oauth2":
      return [
        field("grant", words.grant, "select", false, { options: ["authorization_code", "client_credentials"] }),
        ...client,
        ...(values.grant === "client_credentials" ? [] : [field("authorizeUrl", words.authorizeUrl, "text", true)]),
        field("tokenUrl", words.tokenUrl, "text", true),
        field("scope", words.scope, "text", false, { help: words.scopeHelp }),
        field("clientAuth", words.clientAuth, "select", false, { options: ["body", "basic"] }),
        field("pkce", words.pkce, "select", false, { options: ["yes", "no"] }),
        field("parameters", words.parameters, "text", false, { help: "access_type=offline&prompt=consent" }),
        field("revokeUrl", words.revokeUrl, "text", false),
      ];
    default:
      return [];
  }
}

const controls = new Set(["text", "secret", "number", "select", "multiline"]);

const ofProp = (prop: PropDescription): FormField => ({
  name: prop.name,
  title: prop.title,
  control: (controls.has(prop.control) ? prop.control : "text") as FormField["control"],
  required: prop.required,
  help: prop.help ?? null,
  ...(prop.options ? { options: prop.options } : {}),
});

/** What is sent of a form: all that is filled in; of a change also what was emptied and was set before, as null, but for secrets, which nobody sees. */
export function valueOf(fields: FormField[], values: Record<string, string>, before: Schemas["ConnectionView"] | null): Record<string, string | null> {
  const shown = (before?.fields ?? {}) as Record<string, unknown>;
  const sent: Record<string, string | null> = {};
  for (const [name, value] of Object.entries(values)) {
    if (value !== "") sent[name] = value;
    else if (before && typeof shown[name] === "string" && fields.some((item) => item.name === name && item.control !== "secret")) sent[name] = null;
  }
  return sent;
}
