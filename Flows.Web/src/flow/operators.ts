/** The tests of a structured condition as people read them; the table of docs/expressions.md says when each holds. */
export interface Operator {
  name: string;
  label: string;
  group: "Text" | "Number" | "Yes or no" | "Date" | "List" | "Any";
  needsRight: boolean;
  /** Capitals may count or not. */
  hasCase?: boolean;
}

export const operators: readonly Operator[] = [
  { name: "text_equals", label: "is", group: "Text", needsRight: true, hasCase: true },
  { name: "text_not_equals", label: "is not", group: "Text", needsRight: true, hasCase: true },
  { name: "text_contains", label: "contains", group: "Text", needsRight: true, hasCase: true },
  { name: "text_not_contains", label: "does not contain", group: "Text", needsRight: true, hasCase: true },
  { name: "text_starts_with", label: "starts with", group: "Text", needsRight: true, hasCase: true },
  { name: "text_not_starts_with", label: "does not start with", group: "Text", needsRight: true, hasCase: true },
  { name: "text_ends_with", label: "ends with", group: "Text", needsRight: true, hasCase: true },
  { name: "text_not_ends_with", label: "does not end with", group: "Text", needsRight: true, hasCase: true },
  { name: "number_equals", label: "is the number", group: "Number", needsRight: true },
  { name: "number_greater_than", label: "is greater than", group: "Number", needsRight: true },
  { name: "number_less_than", label: "is less than", group: "Number", needsRight: true },
  { name: "boolean_is_true", label: "is true", group: "Yes or no", needsRight: false },
  { name: "boolean_is_false", label: "is false", group: "Yes or no", needsRight: false },
  { name: "date_before", label: "is before", group: "Date", needsRight: true },
  { name: "date_equals", label: "is the moment", group: "Date", needsRight: true },
  { name: "date_after", label: "is after", group: "Date", needsRight: true },
  { name: "list_contains", label: "has the item", group: "List", needsRight: true, hasCase: true },
  { name: "list_not_contains", label: "lacks the item", group: "List", needsRight: true, hasCase: true },
  { name: "list_is_empty", label: "is an empty list", group: "List", needsRight: false },
  { name: "list_is_not_empty", label: "is a list with items", group: "List", needsRight: false },
  { name: "exists", label: "is there", group: "Any", needsRight: false },
  { name: "not_exists", label: "is missing or empty", group: "Any", needsRight: false },
];

export const operatorOf = (name: string) => operators.find((known) => known.name === name);
export const operatorGroups = [...new Set(operators.map((operator) => operator.group))];
