using Flows.Api.Connections;
using Flows.Api.Connections.Keys;
using Flows.Api.Connections.OAuth;
using Flows.Api.Flows.Deleted;
using Flows.Api.Flows.Folders;
using Flows.Api.Flows.Testing;
using Flows.Api.Import;
using Flows.Api.PieceQuestions;
using Flows.Api.Schedules;
using Flows.Api.Triggers;
using Flows.ServiceDefaults;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Flows.Api.Flows;

/// <summary>Flows, their drafts and versions, and the pieces they are made of.</summary>
internal static class FlowsSetup
{
    /// <exception cref="StartRefusedException">The catalogue is missing.</exception>
    public static IHostApplicationBuilder AddFlows(this IHostApplicationBuilder builder)
    {
        if (builder.Services.All(service => service.ServiceType != typeof(FlowCatalogue)))
            builder.Services.AddSingleton(FlowCatalogue.Load(Path.Combine(AppContext.BaseDirectory, FlowCatalogue.FileName)));
        builder.Services.TryAddSingleton<SampleFlow>();
        builder.AddSchedules();
        builder.AddPieceQuestions(); // before triggers: a person waits for these
        builder.AddTriggers();
        builder.AddDeletedFlows();
        builder.AddConnections();
        return builder;
    }

    public static void MapFlows(this IEndpointRouteBuilder api)
    {
        api.MapFlowEndpoints();
        api.MapFlowBulk();
        api.MapDeletedFlows();
        api.MapFolders();
        api.MapDrafts();
        api.MapVersions();
        api.MapPieces();
        api.MapSchedules();
        api.MapTriggers();
        api.MapPieceQuestions();
        api.MapSamples();
        api.MapPastEvents();
        api.MapPreview();
        api.MapImport();
        api.MapConnections();
        api.MapOAuthApps();
        api.MapKeys();
        api.MapVariables();
    }
}
