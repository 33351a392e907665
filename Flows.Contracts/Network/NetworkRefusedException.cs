namespace Flows.Contracts.Network;

/// <summary>The network policy does not let a connection through. Trying again will not help.</summary>
/// <param name="message">Names host, address, rule and, where there is one, the setting that would let it through; no secret.</param>
public sealed class NetworkRefusedException(string message) : IOException(message)
{
    /// <summary>The code of a step that fails for it.</summary>
    public const string Code = "network_refused";

    /// <summary>The refusal in a chain of exceptions: libraries wrap what comes out of a connection. Null when there is none.</summary>
    public static NetworkRefusedException? In(Exception? error)
    {
        while (error is not null and not NetworkRefusedException)
            error = error.InnerException;
        return error as NetworkRefusedException;
    }
}

/// <summary>A setting of the network policy cannot be understood.</summary>
/// <param name="setting">As an environment variable.</param>
public sealed class NetworkSettingException(string setting, string message) : FormatException($"{setting} {message}")
{
    public string Setting => setting;
}
