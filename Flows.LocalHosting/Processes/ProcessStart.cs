namespace Flows.LocalHosting.Processes;

/// <summary>What to start.</summary>
/// <param name="File">A path, or a name to be found on PATH.</param>
/// <param name="Environment">The whole environment; nothing is inherited.</param>
/// <param name="StopSignal">What asks this program to end: SIGTERM, or for Postgres SIGINT (SIGTERM waits for its clients).</param>
/// <param name="User">Null for the user of this process.</param>
internal sealed record ProcessStart(string File, IReadOnlyList<string> Arguments, IReadOnlyDictionary<string, string> Environment, string WorkingDirectory)
{
    public int StopSignal { get; init; } = Native.SigTerm;
    public SystemUser? User { get; init; }
}

/// <summary>A user of this machine that a server is run as.</summary>
internal sealed record SystemUser(string Name, uint Id, uint GroupId)
{
    /// <summary>Reads /etc/passwd. Null when there is no such user.</summary>
    public static SystemUser? Find(string name)
    {
        if (!File.Exists("/etc/passwd"))
            return null;
        return File.ReadLines("/etc/passwd")
            .Select(line => line.Split(':'))
            .Where(parts => parts.Length > 3 && parts[0] == name && uint.TryParse(parts[2], out _) && uint.TryParse(parts[3], out _))
            .Select(parts => new SystemUser(name, uint.Parse(parts[2], null), uint.Parse(parts[3], null)))
            .FirstOrDefault();
    }
}
