using System.Text.Json;
using Flows.Engine.Expressions;

namespace Flows.Tests.Language;

/// <summary>Evaluates templates over one sample order.</summary>
internal static class Expressions
{
    public const string Data = """
        {
          "trigger": {
            "body": {
              "id": 42, "big": 9007199254740993, "price": 12.5, "note": "rush", "vip": true, "none": null, "empty": "",
              "lines": [ { "sku": "A-7", "qty": 2, "price": 10 }, { "sku": "B-1", "qty": 1, "price": 5.5 }, { "sku": "A-7", "qty": 3, "price": 1 } ],
              "tags": ["new", "eu"], "address": { "city": "Ulm", "zip code": "89073" }
            }
          },
          "order": { "body": { "total": 1000 } }
        }
        """;

    public static EvaluationContext Context(ExpressionLimits? limits = null) => new(TimeProvider.System, "seed", limits);

    public static Value Value(string template, ExpressionLimits? limits = null)
    {
        var element = JsonSerializer.SerializeToElement(template);
        return InputTemplate.Compile(element).Evaluate(SampleScope.Of(Data), Context(limits));
    }

    /// <summary>A whole input, as JSON, evaluated to JSON.</summary>
    public static string Input(string json, string data = Data) =>
        InputTemplate.Compile(JsonElement.Parse(json)).Evaluate(SampleScope.Of(data), Context()).ToRawJson().ToString();

    /// <summary>The result as JSON.</summary>
    public static string Json(string template) => Value(template).ToRawJson().ToString();

    /// <summary>The message of the failure, the field <c>$</c> taken off.</summary>
    public static string Error(string template, ExpressionLimits? limits = null)
    {
        var error = Assert.Throws<ExpressionException>(() => Value(template, limits));
        Assert.Equal("$", error.Field);
        return error.Message["$:".Length..];
    }
}

internal sealed class SampleScope(ValueObject names) : Scope
{
    public static SampleScope Of(string json) => new(Flows.Engine.Expressions.Value.FromJson(System.Text.Encoding.UTF8.GetBytes(json)).AsObject);
    public override IEnumerable<string> Names => names.Keys;
    public override bool TryGet(string name, out Value value) => names.TryGet(name, out value);
}
