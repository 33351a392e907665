import type { PropDescription } from "../../api/client";
import { text } from "../../text";

const timeSpan = /^(\d+\.)?\d{2}:\d{2}:\d{2}(\.\d{1,7})?$/;

/** What is plainly wrong with a value while it is being typed; the API checks the rest a moment later. Null: nothing, or an expression, which has no value yet. */
export function check(prop: Pick<PropDescription, "type" | "control" | "options">, value: unknown): string | null {
  if (value === undefined || value === null || value === "" || (typeof value === "string" && value.includes("{{"))) return null;
  switch (prop.type) {
    case "integer":
      if (!Number.isInteger(value)) return text.build.wholeNumber;
      break;
    case "number":
      if (typeof value !== "number") return text.build.anyNumber;
      break;
    case "array":
      if (!Array.isArray(value)) return text.build.aList;
      break;
    case "object":
      if (typeof value !== "object" || Array.isArray(value)) return text.build.anObject;
      break;
  }
  if (prop.control === "duration" && !(typeof value === "string" && timeSpan.test(value))) return text.build.aTimeSpan;
  if (prop.control === "datetime" && typeof value === "string" && Number.isNaN(Date.parse(value))) return text.build.aDate;
  return null;
}

/** A number is stored as one; what is not a number yet, or an expression, as it was typed. */
export const numberOf = (typed: string) => (/^-?\d+(\.\d+)?$/.test(typed.trim()) ? Number(typed) : typed);
