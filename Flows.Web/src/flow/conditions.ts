import { operatorOf } from "./operators";

/** The structured form of a condition: it holds when all tests of any group do. */
export interface Structure {
  any: { all: Test[] }[];
}

export interface Test {
  left: unknown;
  operator: string;
  right?: unknown;
  caseSensitive?: boolean;
}

export const emptyTest = (): Test => ({ left: "", operator: "text_equals", right: "" });

export function isStructure(when: unknown): when is Structure {
  const any = (when as Structure | null)?.any;
  return Array.isArray(any) && any.length > 0 && any.every((group) => Array.isArray(group?.all) && group.all.length > 0 && group.all.every((test) => typeof test?.operator === "string"));
}

/*
 * How a test is written as an expression. $L and $R are the two sides; the forms say exactly what the test says, also of what is missing and of
 * kinds that differ. The forms with $p and $n are what people type themselves: a path, and a number or a text in quotes. They are read, never written.
 */
interface Form {
  operator: string;
  pattern: string;
  as: "text" | "number" | "date" | "value" | "list";
  caseSensitive?: boolean;
  /** Only for a right side that is an expression, or only for one that is not. */
  right?: "expression" | "literal";
  isReadOnly?: boolean;
}

const texts: [string, string, string][] = [
  ["text_contains", "includes(", ")"],
  ["text_not_contains", "!includes(", ")"],
  ["text_starts_with", "startsWith(", ")"],
  ["text_not_starts_with", "!startsWith(", ")"],
  ["text_ends_with", "endsWith(", ")"],
  ["text_not_ends_with", "!endsWith(", ")"],
];
const compared: [string, string, Form["as"], string][] = [
  ["number_greater_than", "number($L) > $R", "number", "number($L) > number($R)"],
  ["number_less_than", "number($L) < $R", "number", "number($L) < number($R)"],
  ["number_equals", "number($L) == $R", "number", "number($L) == number($R)"],
  ["date_before", "isBefore($L, $R)", "date", "isBefore($L, $R)"],
  ["date_equals", "isSame($L, $R)", "date", "isSame($L, $R)"],
  ["date_after", "isAfter($L, $R)", "date", "isAfter($L, $R)"],
];

const forms: Form[] = [
  { operator: "exists", pattern: "($L ?? '') != ''", as: "value" },
  { operator: "not_exists", pattern: "($L ?? '') == ''", as: "value" },
  { operator: "boolean_is_true", pattern: "lower(text($L ?? '')) == 'true'", as: "value" },
  { operator: "boolean_is_false", pattern: "lower(text($L ?? '')) == 'false'", as: "value" },
  { operator: "list_is_empty", pattern: "length($L ?? []) == 0", as: "value" },
  { operator: "list_is_not_empty", pattern: "length($L ?? []) > 0", as: "value" },
  ...["", "!"].flatMap((not): Form[] => {
    const operator = not ? "list_not_contains" : "list_contains";
    return [
      { operator, pattern: `${not}some($L ?? [], item => isText(item) ? lower(item) == lower(text($R ?? '')) : item == $R)`, as: "list", right: "expression" },
      { operator, pattern: `${not}some($L ?? [], item => isText(item) && lower(item) == lower($R))`, as: "list", right: "literal" },
      { operator, pattern: `${not}includes($L ?? [], $R)`, as: "list", caseSensitive: true },
    ];
  }),
  ...texts.flatMap(([operator, before, after]): Form[] => [
    { operator, pattern: `${before}lower($L), lower($R)${after}`, as: "text" },
    { operator, pattern: `${before}$L, $R${after}`, as: "text", caseSensitive: true },
  ]),
  { operator: "text_equals", pattern: "lower($L) == lower($R)", as: "text" },
  { operator: "text_not_equals", pattern: "lower($L) != lower($R)", as: "text" },
  { operator: "text_equals", pattern: "$L == $R", as: "text", caseSensitive: true },
  { operator: "text_not_equals", pattern: "$L != $R", as: "text", caseSensitive: true },
  ...compared.flatMap(([operator, literal, as, expression]): Form[] => [
    { operator, pattern: `($L != null && ${literal})`, as, right: "literal" },
    { operator, pattern: `($L != null && $R != null && ${expression})`, as, right: "expression" },
  ]),
  { operator: "number_greater_than", pattern: "$L > $R", as: "number", right: "literal", isReadOnly: true },
  { operator: "number_less_than", pattern: "$L < $R", as: "number", right: "literal", isReadOnly: true },
  { operator: "number_equals", pattern: "$L == $R", as: "number", right: "literal", isReadOnly: true },
  { operator: "boolean_is_true", pattern: "$L == true", as: "value", isReadOnly: true },
  { operator: "boolean_is_false", pattern: "$L == false", as: "value", isReadOnly: true },
  { operator: "boolean_is_true", pattern: "$L", as: "value", isReadOnly: true },
];

/** The condition as one expression with its braces; null when a side is something that no expression can say, such as a list with expressions in it. */
export function toExpression(structure: Structure): string | null {
  const groups: string[] = [];
  for (const { all } of structure.any) {
    const tests = all.map(writeTest);
    if (tests.some((test) => test === null)) return null;
    groups.push(tests.join(" && "));
  }
  return `{{${groups.join(" || ")}}}`;
}

function writeTest(test: Test): string | null {
  const operator = operatorOf(test.operator);
  const left = sideOf(test.left);
  const right = operator?.needsRight ? sideOf(test.right) : null;
  if (!operator || !left || (operator.needsRight && !right)) return null;
  // A value that is no text is compared as it is, whatever its capitals.
  const isStrict = Boolean(operator.hasCase) && (test.caseSensitive === true || (operator.group === "List" && right?.isLiteral === true && typeof test.right !== "string"));
  const form = forms.find(
    (item) => item.operator === test.operator && !item.isReadOnly && (item.caseSensitive ?? false) === isStrict && (!item.right || (item.right === "literal") === right?.isLiteral),
  );
  if (!form) return null;
  const put = (side: Side) => (form.as === "text" ? (side.isLiteral ? quoted(side.value) : `text(${side.code} ?? '')`) : form.as === "number" && side.isLiteral ? numberOf(side.value) : side.code);
  const [l, r] = [put(left), right ? put(right) : ""];
  return l === null || r === null ? null : form.pattern.replace(/\$[LR]/g, (name) => (name === "$L" ? l : r));
}

interface Side {
  code: string;
  isLiteral: boolean;
  value: unknown;
}

function sideOf(value: unknown): Side | null {
  if (typeof value === "string" && value.includes("{{")) {
    const code = codeOfTemplate(value);
    return code === null ? null : { code: isPrimary(code) ? code : `(${code})`, isLiteral: false, value };
  }
  if (value === undefined || JSON.stringify(value).includes("{{")) return null;
  return { code: typeof value === "string" ? quoted(value) : JSON.stringify(value), isLiteral: true, value };
}

/** `{{a}}` is a; text around it makes a template of the language. */
function codeOfTemplate(value: string): string | null {
  const parts = value.split(/(\{\{[\s\S]*?\}\})/).filter((part) => part !== "");
  const inside = (part: string) => part.slice(2, -2).trim();
  if (parts.length === 1) return inside(parts[0] as string) || null;
  // The end of an expression that holds braces itself cannot be told from here.
  if (parts.some((part) => part.startsWith("{{") && /[{}`]/.test(inside(part)))) return null;
  return `\`${parts.map((part) => (part.startsWith("{{") ? `\${${inside(part)}}` : part.replace(/[\\`$]/g, "\\$&"))).join("")}\``;
}

const quoted = (value: unknown) => `'${String(value).replace(/[\\']/g, "\\$&").replace(/\n/g, "\\n").replace(/\r/g, "\\r").replace(/\t/g, "\\t")}'`;
const numberOf = (value: unknown) => (/^-?\d+(\.\d+)?$/.test(String(value).trim()) ? String(value).trim() : null);

const path = /^[A-Za-z_]\w*(?:(?:\?\.|\.)[A-Za-z_]\w*|\[\d+\]|\['(?:[^'\\]|\\.)*'\]|\["(?:[^"\\]|\\.)*"\])*$/;
const isPath = (code: string) => path.test(code) && !["true", "false", "null", "undefined"].includes(code);
const isPrimary = (code: string) => isPath(code) || /^`[^`]*`$/.test(code) || /^[A-Za-z_][\w.]*\((?:[^()'"`]|'[^'\\]*'|"[^"\\]*")*\)$/.test(code) || /^\([^()]*\)$/.test(code);

/** The condition in rows; null when it is not made of tests that rows can show. A plain true is one row for the reader to fill in. */
export function toStructure(when: unknown): Structure | null {
  if (isStructure(when)) return when;
  if (when === undefined || when === "" || when === true) return { any: [{ all: [emptyTest()] }] };
  if (typeof when !== "string") return null;
  const whole = /^\s*\{\{([\s\S]*)\}\}\s*$/.exec(when)?.[1]?.trim();
  if (whole === undefined) return null;
  if (whole === "" || whole === "true") return { any: [{ all: [emptyTest()] }] };
  const any: Structure["any"] = [];
  for (const group of split(whole, "||")) {
    const all = split(unwrap(group, true), "&&").map((part) => readTest(part));
    if (all.some((test) => test === null)) return null;
    any.push({ all: all as Test[] });
  }
  return { any };
}

function readTest(code: string): Test | null {
  for (const form of forms) {
    const sides = match(form.pattern, code) ?? match(form.pattern, unwrap(code, false));
    if (!sides) continue;
    const left = readSide(sides.$L, form, "left");
    const right = sides.$R === undefined ? undefined : readSide(sides.$R, form, "right");
    if (left === undefined || (sides.$R !== undefined && right === undefined)) continue;
    if (form.as === "text" && typeof left === "string" && !left.includes("{{") && typeof right === "string" && !right.includes("{{")) continue;
    return { left, operator: form.operator, ...(sides.$R === undefined ? {} : { right }), ...(form.caseSensitive && typeof right === "string" ? { caseSensitive: true } : {}) };
  }
  return null;
}

// Undefined: this form does not fit.
function readSide(code: string | undefined, form: Form, side: "left" | "right"): unknown {
  if (code === undefined) return undefined;
  const literal = literalOf(code);
  if (form.as === "text") {
    if (typeof literal === "string") return literal;
    const inner = match("text($L ?? '')", code)?.$L;
    if (inner !== undefined) return templateOf(inner);
    // Bare, as people write it: beside a text in quotes it means the same.
    return side === "left" && isPath(code) ? `{{${code}}}` : undefined;
  }
  if (side === "right" && form.right) return form.right === "literal" ? (form.as === "number" && typeof literal !== "number" ? undefined : literal) : literal === undefined ? templateOf(code) : undefined;
  if (literal !== undefined) return side === "left" && form.isReadOnly ? undefined : literal;
  if (form.isReadOnly && !isPath(code)) return undefined;
  return templateOf(code);
}

function templateOf(code: string): string | undefined {
  const inside = unwrap(code, false);
  return inside.includes("}}") || !isBalanced(inside) ? undefined : `{{${inside}}}`;
}

function literalOf(code: string): unknown {
  const single = /^'((?:[^'\\]|\\[\\'nrt])*)'$/.exec(code);
  if (single) return (single[1] as string).replace(/\\(.)/g, (_, letter: string) => ({ n: "\n", r: "\r", t: "\t" })[letter] ?? letter);
  try {
    return JSON.parse(code) as unknown;
  } catch {
    return undefined;
  }
}

// --- text of expressions: nothing is understood here but quotes and brackets -----------------------------------------------

function isBalanced(code: string): boolean {
  return scan(code, () => false) === "balanced";
}

/** Walks over what is in no quotes; `visit` gets the depth of brackets and may stop. */
function scan(code: string, visit: (at: number, depth: number) => boolean): "balanced" | "open" | "stopped" {
  let depth = 0;
  let quote = "";
  for (let at = 0; at < code.length; at++) {
    const letter = code[at] as string;
    if (quote) {
      if (letter === "\\") at++;
      else if (letter === quote) quote = "";
      continue;
    }
    if (letter === "'" || letter === '"' || letter === "`") quote = letter;
    else if ("([{".includes(letter)) depth++;
    else if (")]}".includes(letter) && --depth < 0) return "open";
    if (visit(at, depth)) return "stopped";
  }
  return depth === 0 && !quote ? "balanced" : "open";
}

function split(code: string, by: string): string[] {
  const parts: string[] = [];
  let from = 0;
  scan(code, (at, depth) => {
    if (depth === 0 && at >= from && code.startsWith(by, at)) {
      parts.push(code.slice(from, at).trim());
      from = at + by.length;
    }
    return false;
  });
  return [...parts, code.slice(from).trim()];
}

/** Takes off brackets around the whole. @param isGroup Only when several tests are in them: those around one may belong to its form. */
function unwrap(code: string, isGroup: boolean): string {
  if (!code.startsWith("(") || !code.endsWith(")") || !isBalanced(code.slice(1, -1))) return code;
  const inside = code.slice(1, -1).trim();
  return isGroup && (split(inside, "&&").length < 2 || / != null$/.test(split(inside, "&&")[0] as string)) ? code : inside;
}

/** The parts of the code that stand for $L and $R; null when the pattern does not fit. */
function match(pattern: string, code: string): { $L?: string; $R?: string } | null {
  return fit(pattern.split(/(\$[LR])/), code.trim(), {});
}

function fit(parts: string[], code: string, found: Record<string, string>): { $L?: string; $R?: string } | null {
  const [part, ...rest] = parts;
  if (part === undefined) return code === "" ? found : null;
  if (part !== "$L" && part !== "$R") return code.startsWith(part) ? fit(rest, code.slice(part.length), found) : null;
  const known = found[part];
  if (known !== undefined) return code.startsWith(known) ? fit(rest, code.slice(known.length), found) : null;
  const next = rest[0] ?? "";
  if (next === "") return code !== "" && isOperand(code) ? fit(rest, "", { ...found, [part]: code }) : null;
  for (let end = code.indexOf(next); end !== -1; end = code.indexOf(next, end + 1)) {
    const side = code.slice(0, end);
    const result = side !== "" && isOperand(side) ? fit(rest, code.slice(end), { ...found, [part]: side }) : null;
    if (result) return result;
  }
  return null;
}

/** One value: no operator outside of brackets that binds weaker than what the forms put around it. */
const isOperand = (code: string) => isBalanced(code) && scan(code, (at, depth) => depth === 0 && /^(?:&&|\|\||\?\?|\?(?!\.)|[=!]=|=>|[<>,])/.test(code.slice(at, at + 2))) === "balanced";
