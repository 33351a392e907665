using Microsoft.Extensions.Options;

namespace Flows.Tests.Worker;

public sealed class WorkerSettingsTests
{
    [Theory]
    [InlineData("Flows:Execution:Mode", "SANDBOX_PROCESS", "not available in this version")]
    [InlineData("Flows:Execution:MemoryMiB", "1", "MemoryMiB")]
    [InlineData("Flows:Worker:Concurrency", "0", "Concurrency")]
    [InlineData("Flows:Security:WorkerToken", "", "Flows__Security__WorkerToken")]
    [InlineData("Flows:Api:Url", "", "Flows:Api:Url")]
    [InlineData("Flows:Api:Url", "api", "Flows:Api:Url")]
    [InlineData("Flows:Engine:Path", "/no/such/engine", "/no/such/engine")]
    public async Task A_worker_does_not_start_with_a_bad_setting_and_names_it(string name, string value, string message)
    {
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => WorkerUnderTest.StartAsync(settings: (name, value)));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_address_of_the_api_may_come_from_service_discovery()
    {
        await using var api = await FakeApi.StartAsync();
        await using var worker = await WorkerUnderTest.StartAsync(settings: [("Flows:Api:Url", ""), ("services:api:http:0", api.Url)]);

        await ChildProbe.UntilAsync(() => !api.Heartbeats.IsEmpty, "no heartbeat");
    }
}
