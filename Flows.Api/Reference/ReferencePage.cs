using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.OpenApi;

namespace Flows.Api.Reference;

/// <summary>Turns the document into HTML: a list of operations by tag, each with parameters, body, answers, errors and a call to copy; then the types.</summary>
internal sealed partial class ReferencePage(OpenApiDocument document)
{
    /// <summary>Where the address of this installation goes.</summary>
    public const string AddressMark = "@@address@@";
    /// <summary>Where the way from the page to the root of this installation goes.</summary>
    public const string RootMark = "@@root@@";
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private readonly StringBuilder _page = new(1 << 19);

    private sealed record Entry(string Path, string Method, OpenApiOperation Operation)
    {
        public string Id => Operation.OperationId!;
        public string Words => Text($"{Method} {Path} {Operation.Summary} {Operation.OperationId} {Operation.Tags?.FirstOrDefault()?.Name} {Operation.Description}".ToLowerInvariant());
    }

    public static string Text(string? value) => HtmlEncoder.Default.Encode(value ?? "");

    public string Render()
    {
        var entries = document.Paths.SelectMany(path => (path.Value.Operations ?? []).Select(operation => new Entry(path.Key, operation.Key.Method.ToUpperInvariant(), operation.Value))).ToList();
        var tags = (document.Tags ?? new HashSet<OpenApiTag>()).ToList();
        var byTag = tags.Select(tag => (Tag: tag, Entries: entries.Where(entry => entry.Operation.Tags?.FirstOrDefault()?.Name == tag.Name).ToList())).ToList();

        _page.Append("<nav aria-label=\"Operations\"><p class=\"brand\"><a href=\"#top\">Flows API</a></p><p class=\"find\" hidden><label for=\"find\">Find an operation <kbd>/</kbd></label><input id=\"find\" type=\"search\" autocomplete=\"off\"><span id=\"count\" role=\"status\"></span></p>");
        foreach (var (tag, group) in byTag)
        {
            _page.Append($"<section data-group><h2><a href=\"#{Anchor(tag.Name)}\">{Text(tag.Name)}</a></h2><ul>");
            foreach (var entry in group)
                _page.Append($"<li data-words=\"{entry.Words}\"><a href=\"#{entry.Id}\">{Verb(entry.Method)} <span>{Text(Brief(entry))}</span></a></li>");
            _page.Append("</ul></section>");
        }
        _page.Append("<section data-rest><h2><a href=\"#errors\">Errors</a></h2></section><section data-rest><h2><a href=\"#types\">Types</a></h2></section></nav>");

        _page.Append("<div class=\"all\" id=\"top\"><header><h1>The API of Flows</h1>").Append(Markdown(document.Info.Description));
        _page.Append($"<p>The calls below read the address and a key from the shell. The same as a document for tools: <a href=\"{RootMark}openapi/v1.json\">openapi/v1.json</a>.</p>{Code($"export FLOWS_URL={AddressMark} FLOWS_KEY=flk_…", isEncoded: true)}</header>");
        foreach (var (tag, group) in byTag)
        {
            _page.Append($"<section data-group class=\"tag\"><h2 id=\"{Anchor(tag.Name)}\">{Text(tag.Name)}</h2>{Markdown(tag.Description)}");
            foreach (var entry in group)
                Append(entry);
            _page.Append("</section>");
        }
        AppendErrors();
        AppendTypes();
        return _page.Append("</div>").ToString();
    }

    private static string Brief(Entry entry)
    {
        var summary = entry.Operation.Summary ?? entry.Id;
        var end = summary.AsSpan().IndexOfAny(';', ':', '.');
        var first = end > 12 ? summary[..end] : summary;
        return first.Length > 70 ? first[..first.LastIndexOf(' ', 70)] + " …" : first;
    }

    private void Append(Entry entry)
    {
        var operation = entry.Operation;
        _page.Append($"<section class=\"operation\" id=\"{entry.Id}\" data-words=\"{entry.Words}\"><h3>{Verb(entry.Method)} <code>{Text(entry.Path)}</code> <a class=\"self\" href=\"#{entry.Id}\" aria-label=\"Link to {entry.Id}\">#</a></h3>");
        _page.Append($"<p class=\"summary\">{Text(operation.Summary)}</p>").Append(Markdown(operation.Description));
        if (operation.Parameters is { Count: > 0 } parameters)
        {
            _page.Append("<h4>Parameters</h4><table><tr><th class=\"field\">Name<th>In<th class=\"type\">Type<th>Meaning</tr>");
            foreach (var parameter in parameters)
                _page.Append($"<tr><td><code>{Text(parameter.Name)}</code>{(parameter.Required ? " <b class=\"must\">required</b>" : "")}<td>{parameter.In.ToString()!.ToLowerInvariant()}<td>{TypeOf(parameter.Schema)}<td>{Inline(parameter.Description)}</tr>");
            _page.Append("</table>");
        }
        var content = operation.RequestBody?.Content?.FirstOrDefault();
        _page.Append("<h4>Call</h4>").Append(Code(Curl(entry, content)));
        if (content is { Value: { } body } given)
            _page.Append($"<p>Body: {Inline(operation.RequestBody!.Description)} <code>{Text(given.Key)}</code>, {TypeOf(body.Schema)}{(operation.RequestBody.Required ? ", <b class=\"must\">required</b>" : ", may be left out")}.</p>").Append(Fields(body.Schema));
        _page.Append("<h4>Answers</h4>");
        foreach (var (status, response) in (operation.Responses ?? []).Where(response => response.Value is OpenApiResponse))
        {
            _page.Append($"<p><b class=\"good\">{Text(status)}</b> {Inline(response.Description)}");
            foreach (var (type, media) in response.Content ?? new Dictionary<string, OpenApiMediaType>())
                _page.Append($" <code>{Text(type)}</code> {TypeOf(media.Schema)}");
            _page.Append("</p>");
            if (response.Content?.Values.FirstOrDefault(media => media.Example is not null) is { Example: { } example })
                _page.Append($"<details><summary>Example</summary>{Code(Show(example))}</details>");
        }
        var errors = (operation.Responses ?? []).Where(response => response.Value is OpenApiResponseReference).Select(response => $"<a href=\"#error-{Text(response.Key)}\">{Text(response.Key)}</a>").ToList();
        _page.Append($"<p>Errors: {string.Join(' ', errors)}</p></section>");
    }

    private static string Curl(Entry entry, KeyValuePair<string, OpenApiMediaType>? content)
    {
        var path = entry.Path;
        var query = new List<string>();
        var headers = new List<string>();
        foreach (var parameter in entry.Operation.Parameters ?? [])
        {
            var value = parameter.Example is JsonArray { Count: > 0 } list ? list[0]!.ToString() : parameter.Example?.ToString();
            if (parameter.In == ParameterLocation.Path)
                path = path.Replace($"{{{parameter.Name}}}", value, StringComparison.Ordinal);
            else if (parameter is { In: ParameterLocation.Query, Required: true })
                query.Add($"{parameter.Name}={Uri.EscapeDataString(value ?? "")}");
        }
        if (entry.Operation.Security is { Count: > 0 })
            headers.Add("-H \"Authorization: Bearer $FLOWS_KEY\"");
        var call = new StringBuilder("curl ").Append(entry.Method == "GET" ? "" : $"-X {entry.Method} ").Append($"\"$FLOWS_URL{path}{(query.Count > 0 ? "?" + string.Join('&', query) : "")}\"");
        if (content is { Value: { Example: { } example } } given)
        {
            headers.Add($"-H 'Content-Type: {given.Key}'");
            headers.Add($"-d '{Show(example).Replace("'", "'\\''", StringComparison.Ordinal)}'");
        }
        foreach (var header in headers)
            call.Append(" \\\n  ").Append(header);
        return call.ToString();
    }

    private void AppendErrors()
    {
        _page.Append("<section data-rest class=\"tag\"><h2 id=\"errors\">Errors</h2>").Append(Fields(document.Components!.Schemas!["ProblemDetails"]));
        foreach (var (_, response) in document.Components!.Responses ?? new Dictionary<string, IOpenApiResponse>())
        {
            var example = response.Content!.Values.First().Example!;
            _page.Append($"<section class=\"operation\" id=\"error-{example["status"]}\"><h3>{example["status"]} {Text(example["title"]?.ToString())}</h3><p>{Inline(response.Description)}</p>{Code(Show(example))}</section>");
        }
        _page.Append("</section>");
    }

    private void AppendTypes()
    {
        _page.Append("<section data-rest class=\"tag\"><h2 id=\"types\">Types</h2>");
        foreach (var (name, schema) in document.Components!.Schemas!.OrderBy(schema => schema.Key, StringComparer.Ordinal))
        {
            _page.Append($"<section class=\"operation\" id=\"type-{Text(name)}\"><h3>{Text(name)}</h3>");
            if (schema.Description is { } words)
                _page.Append($"<p>{Inline(words)}</p>");
            _page.Append(schema.Properties is { Count: > 0 } ? Fields(schema) : $"<p>{TypeOf(schema)}</p>").Append("</section>");
        }
        _page.Append("</section>");
    }

    private static string Fields(IOpenApiSchema? schema)
    {
        if (schema is OpenApiSchemaReference { Target: { } target })
            schema = target;
        if (schema?.Properties is not { Count: > 0 } properties)
            return "";
        var rows = new StringBuilder("<table><tr><th class=\"field\">Field<th class=\"type\">Type<th>Meaning</tr>");
        foreach (var (name, property) in properties)
            rows.Append($"<tr><td><code>{Text(name)}</code>{(schema.Required?.Contains(name) == true ? " <b class=\"must\">required</b>" : "")}<td>{TypeOf(property)}<td>{Inline(property.Description)}</tr>");
        return rows.Append("</table>").ToString();
    }

    /// <summary>A type in words, with links to those that have a name.</summary>
    private static string TypeOf(IOpenApiSchema? schema)
    {
        switch (schema)
        {
            case null:
                return "";
            case OpenApiSchemaReference { Reference.Id: "JsonElement" or "RawJson" }:
                return "any JSON";
            case OpenApiSchemaReference { Reference.Id: { } id }:
                return $"<a href=\"#type-{Text(id)}\">{Text(id)}</a>";
            case { Enum.Count: > 0 }:
                return string.Join(" | ", schema.Enum.Select(value => $"<code>{Text(value?.ToString() ?? "null")}</code>"));
        }
        if ((schema.OneOf ?? schema.AnyOf) is { Count: > 0 } choices)
            return string.Join(" or ", choices.Select(TypeOf).Distinct());
        var type = schema.Type & ~JsonSchemaType.Null;
        var isNullable = schema.Type is { } allowed && allowed.HasFlag(JsonSchemaType.Null);
        var words = type switch
        {
            null or 0 => isNullable ? "null" : "any JSON",
            JsonSchemaType.Array => $"list of {TypeOf(schema.Items)}",
            JsonSchemaType.Object when schema.AdditionalProperties is { } values => $"object of {TypeOf(values)}",
            _ => type.Value.ToString().ToLowerInvariant().Replace(", ", " or ", StringComparison.Ordinal) + (schema.Format is { } format ? $" <span class=\"soft\">{Text(format)}</span>" : ""),
        };
        if (schema.Minimum is not null || schema.Maximum is not null)
            words += $" <span class=\"soft\">{schema.Minimum ?? "…"} to {schema.Maximum ?? "…"}</span>";
        if (schema.MaxLength is { } length)
            words += $" <span class=\"soft\">at most {length} characters</span>";
        return isNullable && type is not null and not 0 ? $"{words} or null" : words;
    }

    private static string Show(JsonNode example) => example is JsonValue value && value.TryGetValue<string>(out var text) ? text : example.ToJsonString(s_indented);

    private static string Code(string text, bool isEncoded = false) => $"<pre tabindex=\"0\"><code>{(isEncoded ? text : Text(text))}</code></pre>";

    private static string Verb(string method) => $"<b class=\"verb {method.ToLowerInvariant()}\">{method}</b>";

    private static string Anchor(string? tag) => "tag-" + (tag ?? "").ToLowerInvariant().Replace(' ', '-');

    // Paragraphs and lists; within them code and bold. It is what our own descriptions use.
    private static string Markdown(string? text)
    {
        var html = new StringBuilder();
        foreach (var block in (text ?? "").Split("\n\n", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            html.Append(block.StartsWith("- ", StringComparison.Ordinal)
                ? $"<ul>{string.Concat(block.Split('\n').Select(line => $"<li>{Inline(line.TrimStart('-', ' '))}</li>"))}</ul>"
                : $"<p>{Inline(block)}</p>");
        }
        return html.ToString();
    }

    private static string Inline(string? text) => Bold().Replace(Ticks().Replace(Text(text), "<code>$1</code>"), "<b>$1</b>");

    [GeneratedRegex("`(.+?)`")]
    private static partial Regex Ticks();
    [GeneratedRegex(@"\*\*(.+?)\*\*")]
    private static partial Regex Bold();
}
