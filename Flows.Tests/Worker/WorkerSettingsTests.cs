using Microsoft.Extensions.Options;

namespace Flows.Tests.Worker;

public sealed class WorkerSettingsTests
{
    [Theory]
    [InlineData("Flows:Execution:Mode", "FORTRESS", "it must be one of UNSANDBOXED, SANDBOX_PROCESS, SANDBOX_CODE_ONLY, SANDBOX_CODE_AND_PROCESS")]
    [InlineData("Flows:Execution:MemoryMiB", "1", "MemoryMiB")]
    [InlineData("Flows:Execution:Network", "OPEN", "Flows__Execution__Network is 'OPEN'; it may be STRICT or UNRESTRICTED.")]
    [InlineData("Flows:Execution:Allow", "10.0.0.1/8", "Flows__Execution__Allow has the entry '10.0.0.1/8', which is not the first address of its range; 10.0.0.0/8 is.")]
    [InlineData("Flows:Execution:Deny", "a.*.example", "Flows__Execution__Deny has the entry 'a.*.example', which has a star inside")]
    [InlineData("Flows:Execution:Ports", "80-", "Flows__Execution__Ports has the entry '80-'")]
    [InlineData("Flows:Execution:Connections", "0", "Connections")]
    [InlineData("Flows:Worker:Concurrency", "0", "Concurrency")]
    [InlineData("Flows:Worker:HeartbeatEvery", "00:00:04", "Flows__Worker__HeartbeatEvery (00:00:04) must be at most half of Flows__Runs__Lease (00:00:06)")]
    [InlineData("Flows:Worker:HeartbeatEvery", "0", "HeartbeatEvery")]
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

    [Fact]
    public async Task Claims_are_renewed_as_often_as_the_setting_says_and_never_less_than_twice_in_a_lease_of_the_api()
    {
        // A lease of 10 minutes would be renewed every 200 s by itself, and a setting of 4 minutes after that: neither within the limit of the signals.
        await using var often = await WorkerUnderTest.StartAsync(leaseMs: 600_000, settings: ("Flows:Worker:HeartbeatEvery", "00:00:00.100"));
        await ChildProbe.UntilAsync(() => often.Api.Heartbeats.Count >= 3, "no three heartbeats", seconds: 30);

        await using var hurried = await WorkerUnderTest.StartAsync(leaseMs: 1_000, settings: [("Flows:Worker:HeartbeatEvery", "00:02:00"), ("Flows:Runs:Lease", "00:05:00")]);
        await ChildProbe.UntilAsync(() => hurried.Api.Heartbeats.Count >= 3, "no three heartbeats", seconds: 30);
    }
}
