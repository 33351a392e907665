using System.Reflection;
using Xunit.Abstractions;
using Xunit.Sdk;

[assembly: TestFramework("Flows.Tests.TestRun", "Flows.Tests")]
[assembly: TestCollectionOrderer("Flows.Tests.LongestFirst", "Flows.Tests")]

namespace Flows.Tests;

/// <summary>xunit's own run of all tests, with one thing before it and one behind it.</summary>
public sealed class TestRun : XunitTestFramework
{
    public TestRun(IMessageSink sink) : base(sink)
    {
        // The processes that tests start live for seconds: code that is measured for the sake of later optimisation never pays for it.
        Environment.SetEnvironmentVariable("DOTNET_TieredPGO", "0");
    }

    protected override ITestFrameworkExecutor CreateExecutor(AssemblyName assemblyName) =>
        new Executor(assemblyName, SourceInformationProvider, DiagnosticMessageSink);

    private sealed class Executor(AssemblyName name, ISourceInformationProvider source, IMessageSink diagnostics) : XunitTestFrameworkExecutor(name, source, diagnostics)
    {
        protected override async void RunTestCases(IEnumerable<IXunitTestCase> testCases, IMessageSink executionMessageSink, ITestFrameworkExecutionOptions executionOptions)
        {
            using var runner = new Runner(TestAssembly, testCases, DiagnosticMessageSink, executionMessageSink, executionOptions);
            await runner.RunAsync();
        }
    }

    private sealed class Runner(
        ITestAssembly assembly, IEnumerable<IXunitTestCase> cases, IMessageSink diagnostics, IMessageSink execution, ITestFrameworkExecutionOptions options)
        : XunitTestAssemblyRunner(assembly, cases, diagnostics, execution, options)
    {
        protected override async Task BeforeTestAssemblyFinishedAsync()
        {
            await Platform.StopAsync();
            await base.BeforeTestAssemblyFinishedAsync();
        }
    }
}

/// <summary>
/// Tests of one collection wait for each other. The long ones come first, so that none of them is still under way by itself when everything
/// else is done.
/// </summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    private static readonly string[] s_first = [Platform.Campaigns, Platform.Databases, "RunningAppHost", Web.ActingInABrowser.Browsers, nameof(Platform), Platform.Apis, Platform.Queues];

    public IEnumerable<ITestCollection> OrderTestCollections(IEnumerable<ITestCollection> testCollections) =>
        testCollections.OrderBy(collection => Array.IndexOf(s_first, collection.DisplayName) is var place and >= 0 ? place : int.MaxValue)
            .ThenBy(collection => collection.DisplayName, StringComparer.Ordinal);
}
