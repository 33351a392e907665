namespace Flows.Api.Reference;

/// <summary>A header that an endpoint reads by itself.</summary>
/// <param name="Means">For the reader of the reference.</param>
internal sealed record ReadsHeader(string Name, string Means, string Example);

/// <summary>A body that an endpoint reads by itself, in whatever way.</summary>
/// <param name="Example">JSON, or what the content type says.</param>
internal sealed record ReadsBody(string Means, string Example, string ContentType, bool IsRequired);

/// <summary>An answer that an endpoint writes by itself.</summary>
internal sealed record AnswersWith(int Status, string ContentType, string Means, string Example);

/// <summary>What an endpoint may answer instead of doing what it is asked, beside what follows from its route and its permission.</summary>
internal sealed record MayRefuse(IReadOnlyList<int> Statuses);

/// <summary>What routes and types do not say of an endpoint.</summary>
internal static class EndpointWords
{
    public static TBuilder Reads<TBuilder>(this TBuilder endpoint, string header, string means, string example) where TBuilder : IEndpointConventionBuilder =>
        endpoint.WithMetadata(new ReadsHeader(header, means, example));

    /// <summary>The body is read by the endpoint itself: routing looks at no content type.</summary>
    public static TBuilder ReadsBody<TBuilder>(this TBuilder endpoint, string means, string example, string contentType = "application/json", bool isRequired = false)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new ReadsBody(means, example, contentType, isRequired));

    public static TBuilder Answers<TBuilder>(this TBuilder endpoint, int status, string contentType, string means, string example) where TBuilder : IEndpointConventionBuilder =>
        endpoint.WithMetadata(new AnswersWith(status, contentType, means, example));

    public static TBuilder MayRefuse<TBuilder>(this TBuilder endpoint, params IReadOnlyList<int> statuses) where TBuilder : IEndpointConventionBuilder =>
        endpoint.WithMetadata(new MayRefuse(statuses));

    /// <summary>Any method is taken; the description shows POST.</summary>
    public static RouteHandlerBuilder MapAnyAsPost(this IEndpointRouteBuilder app, string pattern, Delegate handler)
    {
        app.Map(pattern, handler).ExcludeFromDescription();
        return app.MapPost(pattern, handler);
    }
}
