namespace Flows.Contracts.Definitions;

/// <summary>
/// The JSON Schema (2020-12) of a flow definition, for editors and other tools. It tells the shape; what goes beyond a shape (names
/// that are unique, references to steps before, inputs of actions) is told by <see cref="DefinitionReader"/>.
/// </summary>
public static class DefinitionSchema
{
    /// <summary>JSON text.</summary>
    public const string Json = """
        {
          "$schema": "https://json-schema.org/draft/2020-12/schema",
          "title": "Flow definition",
          "description": "A trigger and the steps it starts. Strings may hold expressions between {{ and }}.",
          "type": "object",
          "required": ["schema", "trigger", "steps"],
          "additionalProperties": false,
          "properties": {
            "schema": { "const": 1, "description": "Version of the flow language." },
            "trigger": { "$ref": "#/$defs/trigger" },
            "steps": { "$ref": "#/$defs/steps" },
            "notes": { "type": "array", "maxItems": 100, "items": { "$ref": "#/$defs/note" }, "description": "Beside the steps on the canvas; a run knows nothing of them." }
          },
          "$defs": {
            "note": {
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "text": { "type": "string", "maxLength": 4000 },
                "x": { "type": "number", "minimum": -1000000, "maximum": 1000000, "default": 0, "description": "Pixels of the canvas." },
                "y": { "type": "number", "minimum": -1000000, "maximum": 1000000, "default": 0 },
                "color": { "enum": ["yellow", "blue", "green", "red"], "default": "yellow" }
              }
            },
            "name": { "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "maxLength": 64, "description": "Unique within the flow; expressions refer to the step by it." },
            "timeSpan": { "type": "string", "pattern": "^([0-9]+\\.)?[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,7})?$", "description": "[d.]hh:mm:ss" },
            "expression": { "type": "string", "pattern": "^\\{\\{[\\s\\S]*\\}\\}$", "description": "One expression between {{ and }}." },
            "steps": { "type": "array", "maxItems": 1000, "items": { "$ref": "#/$defs/step" } },
            "trigger": {
              "type": "object",
              "required": ["piece", "event"],
              "additionalProperties": false,
              "properties": {
                "name": { "$ref": "#/$defs/name", "default": "trigger" },
                "piece": { "type": "string", "description": "A piece, such as webhook." },
                "event": { "type": "string", "description": "One of its triggers, such as catch." },
                "connection": { "type": "string", "description": "Key of a connection, for triggers that ask a service." },
                "input": { "type": "object" }
              }
            },
            "step": {
              "oneOf": [
                { "$ref": "#/$defs/action" }, { "$ref": "#/$defs/code" }, { "$ref": "#/$defs/router" }, { "$ref": "#/$defs/loop" },
                { "$ref": "#/$defs/wait" }, { "$ref": "#/$defs/call" }, { "$ref": "#/$defs/respond" }, { "$ref": "#/$defs/stop" }
              ]
            },
            "shared": {
              "type": "object",
              "required": ["name", "kind"],
              "properties": {
                "name": { "$ref": "#/$defs/name" },
                "kind": { "type": "string" },
                "title": { "type": "string", "description": "What the editor shows instead of the name." },
                "note": { "type": "string", "maxLength": 4000, "description": "What people wrote about the step; a run knows nothing of it." },
                "skip": { "type": "boolean", "default": false, "description": "Leaves the step out; its name is then null." },
                "retry": { "$ref": "#/$defs/retry" },
                "timeout": { "$ref": "#/$defs/timeSpan", "description": "Time for one try, 1 ms to 1 day." },
                "onError": { "anyOf": [{ "enum": ["stop", "continue"] }, { "$ref": "#/$defs/onError" }], "default": "stop" },
                "onUncertain": { "enum": ["ask", "retry", "fail"], "description": "When a crash leaves it unknown whether an effect has happened. Without it the project's onUncertain holds, which is ask unless it was changed." }
              }
            },
            "retry": {
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "attempts": { "type": "integer", "minimum": 1, "maximum": 20, "default": 3, "description": "Tries in all." },
                "delay": { "$ref": "#/$defs/timeSpan", "default": "00:00:02", "description": "Before the second try, at most 1 day." },
                "backoff": { "type": "number", "minimum": 1, "maximum": 10, "default": 2, "description": "Each delay is the last one times this." },
                "on": { "type": "array", "items": { "type": "string", "pattern": "^[a-z0-9_]+$" }, "description": "timeout, network, 5xx, a status such as 429, any (all but uncertain), or error codes; empty: all that may get better." }
              }
            },
            "onError": {
              "type": "object",
              "required": ["steps"],
              "additionalProperties": false,
              "properties": { "steps": { "$ref": "#/$defs/steps" } }
            },
            "action": {
              "$ref": "#/$defs/shared",
              "required": ["piece", "action"],
              "unevaluatedProperties": false,
              "properties": {
                "kind": { "const": "action" },
                "piece": { "type": "string" },
                "action": { "type": "string" },
                "input": { "type": "object" },
                "connection": { "type": "string", "description": "Key of the connection the action uses." }
              }
            },
            "code": {
              "$ref": "#/$defs/shared",
              "required": ["language", "source"],
              "unevaluatedProperties": false,
              "properties": {
                "kind": { "const": "code" },
                "language": { "type": "string", "examples": ["javascript"] },
                "source": { "type": "string", "maxLength": 262144 },
                "input": { "type": "object" },
                "effect": { "enum": ["pure", "idempotent", "effect"], "default": "pure" }
              }
            },
            "router": {
              "$ref": "#/$defs/shared",
              "required": ["branches"],
              "unevaluatedProperties": false,
              "properties": {
                "kind": { "const": "router" },
                "mode": { "enum": ["first", "all", "parallel"], "default": "first" },
                "branches": { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/branch" } }
              }
            },
            "branch": {
              "type": "object",
              "required": ["name", "steps"],
              "additionalProperties": false,
              "properties": {
                "name": { "type": "string", "minLength": 1, "maxLength": 64 },
                "when": { "$ref": "#/$defs/condition" },
                "otherwise": { "type": "boolean", "default": false, "description": "Taken when no other branch is; the last one, without a condition." },
                "steps": { "$ref": "#/$defs/steps" }
              }
            },
            "condition": {
              "anyOf": [
                { "type": "boolean" },
                { "$ref": "#/$defs/expression" },
                {
                  "type": "object",
                  "required": ["any"],
                  "additionalProperties": false,
                  "properties": { "any": { "type": "array", "minItems": 1, "items": {
                    "type": "object",
                    "required": ["all"],
                    "additionalProperties": false,
                    "properties": { "all": { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/test" } } }
                  } } }
                }
              ]
            },
            "test": {
              "type": "object",
              "required": ["left", "operator"],
              "additionalProperties": false,
              "properties": {
                "left": {},
                "operator": { "enum": [
                  "text_contains", "text_not_contains", "text_equals", "text_not_equals", "text_starts_with", "text_not_starts_with", "text_ends_with", "text_not_ends_with",
                  "number_greater_than", "number_less_than", "number_equals", "boolean_is_true", "boolean_is_false", "date_before", "date_equals", "date_after",
                  "list_contains", "list_not_contains", "list_is_empty", "list_is_not_empty", "exists", "not_exists"
                ] },
                "right": {},
                "caseSensitive": { "type": "boolean", "default": false }
              }
            },
            "loop": {
              "$ref": "#/$defs/shared",
              "required": ["items", "steps"],
              "unevaluatedProperties": false,
              "properties": {
                "kind": { "const": "loop" },
                "items": { "anyOf": [{ "$ref": "#/$defs/expression" }, { "type": "array" }] },
                "parallel": { "type": "integer", "minimum": 1, "maximum": 1000, "default": 1, "description": "Items walked at the same time." },
                "onItemError": { "enum": ["stop", "continue"], "default": "stop" },
                "steps": { "$ref": "#/$defs/steps" }
              }
            },
            "wait": {
              "$ref": "#/$defs/shared",
              "required": ["for"],
              "unevaluatedProperties": false,
              "properties": {
                "kind": { "const": "wait" },
                "for": { "enum": ["delay", "until", "webhook", "approval"] },
                "value": { "type": "string", "description": "delay: a time span; until: a date; or an expression that gives one." },
                "approvers": { "type": "integer", "minimum": 1, "maximum": 100, "default": 1 },
                "expires": { "$ref": "#/$defs/timeSpan" },
                "message": { "description": "For the approver." }
              }
            },
            "call": {
              "$ref": "#/$defs/shared",
              "required": ["flow"],
              "unevaluatedProperties": false,
              "properties": {
                "kind": { "const": "call" },
                "flow": { "type": "string", "description": "Id or key of the flow." },
                "input": { "type": "object" },
                "await": { "type": "boolean", "default": true }
              }
            },
            "respond": {
              "$ref": "#/$defs/shared",
              "unevaluatedProperties": false,
              "properties": {
                "kind": { "const": "respond" },
                "status": { "anyOf": [{ "type": "integer", "minimum": 200, "maximum": 599 }, { "$ref": "#/$defs/expression" }], "default": 200 },
                "headers": { "type": "object" },
                "body": {}
              }
            },
            "stop": {
              "$ref": "#/$defs/shared",
              "unevaluatedProperties": false,
              "properties": {
                "kind": { "const": "stop" },
                "asFailed": { "type": "boolean", "default": false },
                "message": {},
                "output": {}
              }
            }
          }
        }
        """;
}
