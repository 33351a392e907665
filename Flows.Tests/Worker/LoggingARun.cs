using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Flows.Tests.Worker;

public sealed class LoggingARun
{
    [Fact]
    public async Task Every_line_about_a_run_says_which_run_flow_project_and_attempt_it_is()
    {
        await using var worker = await WorkerUnderTest.StartAsync();
        using var log = new ScopedLog();
        worker.Services.GetRequiredService<ILoggerFactory>().AddProvider(log);
        var run = worker.Add("""{"line":"busy"},{"crash":3}""");

        await worker.HandleAsync(run);

        // What it means comes from the run's own lines, and from those of whoever works for it.
        var lines = log.Lines.Where(line => line.Text.Contains($"{run.Id}", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(lines);
        Assert.All(lines, line =>
        {
            Assert.Equal(run.Id, line.Scope["flows.run.id"]);
            Assert.Equal(run.Version, line.Scope["flows.flow.id"]); // a fake run's flow has the id of its version
            Assert.Equal(run.Project, line.Scope["flows.project.id"]);
            Assert.Equal(1, line.Scope["flows.run.attempt"]);
        });
        Assert.Contains(lines, line => line.Level == LogLevel.Warning);
    }

    private sealed class ScopedLog : ILoggerProvider, ISupportExternalScope
    {
        private IExternalScopeProvider _scopes = new LoggerExternalScopeProvider();

        public ConcurrentQueue<(LogLevel Level, string Text, IReadOnlyDictionary<string, object?> Scope)> Lines { get; } = new();

        public void SetScopeProvider(IExternalScopeProvider scopeProvider) => _scopes = scopeProvider;

        public ILogger CreateLogger(string categoryName) => new Logger(this);

        public void Dispose()
        {
        }

        private sealed class Logger(ScopedLog log) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state) where TState : notnull => log._scopes.Push(state);

            public bool IsEnabled(LogLevel logLevel) => true;

            public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            {
                var scope = new Dictionary<string, object?>();
                log._scopes.ForEachScope((open, all) =>
                {
                    foreach (var (name, value) in open as IEnumerable<KeyValuePair<string, object?>> ?? [])
                        all[name] = value;
                }, scope);
                log.Lines.Enqueue((logLevel, formatter(state, exception), scope));
            }
        }
    }
}
