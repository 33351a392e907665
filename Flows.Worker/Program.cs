using Flows.ServiceDefaults;
using Flows.Worker;
using Flows.Worker.Sandbox;

if (args is ["--isolation"])
    return await IsolationReport.WriteAsync(Console.Out);

return await StartFailure.RunAsync(() =>
{
    // Settings lie beside the executable, wherever it was started from.
    var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
    // Its only requests are health checks, every few seconds. In code, because the API's output already has an appsettings.json.
    builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
    builder.AddServiceDefaults();
    builder.AddRedisClient("redis");
    builder.AddFlowsWorker();

    var app = builder.Build();
    app.MapDefaultEndpoints();
    app.MapMetricsWithKey();
    return app;
});
