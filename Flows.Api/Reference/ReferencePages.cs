using Flows.Api.Access;
using Flows.Api.Users;
using Microsoft.AspNetCore.OpenApi;

namespace Flows.Api.Reference;

/// <summary>The API's reference as a page: made of the document that is served, once for the life of the process. It needs nothing from elsewhere, and can be read without script.</summary>
internal sealed class ReferencePages([FromKeyedServices(ApiDescription.Document)] IOpenApiDocumentProvider provider, PublicUrl url)
{
    private static readonly HtmlFrame s_frame = new(ReferenceLook.Style, ReferenceLook.Script);
    private string? _body;

    public async Task WriteAsync(HttpContext http)
    {
        // Two first readers may make it twice; it comes out the same.
        _body ??= new ReferencePage(await provider.GetOpenApiDocumentAsync(http.RequestAborted)).Render();
        var body = _body.Replace(ReferencePage.AddressMark, ReferencePage.Text(url.Of(http.Request, "")), StringComparison.Ordinal)
            .Replace(ReferencePage.RootMark, PlainPage.RootFrom(http.Request), StringComparison.Ordinal);
        await s_frame.WriteAsync(http, "Flows: the API", body, StatusCodes.Status200OK);
    }
}

internal static class ReferenceEndpoints
{
    public static void MapReference(this IEndpointRouteBuilder app) =>
        app.MapGet("/docs", (HttpContext http, ReferencePages pages) => pages.WriteAsync(http))
            .AllowAnonymous("It describes the surface and holds no data.").WithMetadata(new WorksWithoutDatabase()).ExcludeFromDescription();
}
