#pragma warning disable RS0030 // The process that is killed here is this one.
using System.Diagnostics;

namespace Flows.Worker.Sandbox;

/// <summary>The end that no process sees coming.</summary>
internal static class AbruptEnd
{
    /// <summary>As <c>kill -9</c> from outside: nothing is finished, reported, given back or written. It does not return.</summary>
    public static void OfThisProcess()
    {
        using var self = Process.GetCurrentProcess();
        self.Kill();
        Environment.FailFast("The process was to be killed and was not.");
    }
}
