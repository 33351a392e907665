using Flows.Worker;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddRedisClient("redis");
builder.AddFlowsWorker();

var app = builder.Build();
app.MapDefaultEndpoints();
app.Run();
