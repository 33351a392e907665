using System.Reflection;
using System.Text.Json;
using Flows.Contracts.Json;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Flows.Api.Reference;

/// <summary>Describes types and their fields by their doc comments.</summary>
internal static class SchemaDescription
{
    public static Task DescribeAsync(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken cancel)
    {
        var type = context.JsonTypeInfo.Type;
        // Any JSON value: the generator sees only a type with a converter.
        if (type == typeof(RawJson) || type == typeof(RawJson?))
            schema.Type = null;
        if (context.JsonPropertyInfo is { } property)
        {
            if (property.AttributeProvider is PropertyInfo declared && DocComments.SummaryOf(declared.DeclaringType!, declared.Name) is { } words)
            {
                // A type with a name is one schema for all fields that are of it: what this field means is said where it refers to it.
                if (schema.Metadata?.ContainsKey("x-schema-id") == true)
                    FieldWords.OfReference(declared.DeclaringType!, property.Name, words);
                else
                    schema.Description = words;
            }
        }
        if (IsOurs(type) && schema.Metadata?.ContainsKey("x-schema-id") == true)
            schema.Description = DocComments.SummaryOf(type);
        if (Nullable.GetUnderlyingType(type) is { } inner ? inner == typeof(TimeSpan) : type == typeof(TimeSpan))
            schema.Description ??= "Days, hours, minutes and seconds: `d.hh:mm:ss`.";
        return Task.CompletedTask;
    }

    /// <summary>"Null, or any JSON" is any JSON: of the two exactly one has to fit, and null fits both.</summary>
    public static void Simplify(OpenApiDocument document)
    {
        foreach (var properties in document.Components?.Schemas?.Values.Select(schema => schema.Properties).OfType<IDictionary<string, IOpenApiSchema>>() ?? [])
        {
            foreach (var (name, property) in properties.ToList())
            {
                if (property.OneOf?.OfType<OpenApiSchemaReference>().FirstOrDefault(choice => choice.Reference.Id is nameof(JsonElement) or nameof(RawJson)) is { } any)
                    properties[name] = new OpenApiSchemaReference(any.Reference.Id!, document) { Description = any.Reference.Description ?? property.Description };
            }
        }
    }

    private static bool IsOurs(Type type) => type.Namespace?.StartsWith("Flows.", StringComparison.Ordinal) == true && type != typeof(JsonElement);
}
