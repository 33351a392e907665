using Aspire.Hosting;
using Flows.LocalHosting.Orchestration;
using Flows.LocalHosting.Processes;
using Flows.LocalHosting.Storage;

namespace Flows.LocalHosting.Servers;

/// <summary>Where a server that refuses to run as root keeps its data, and the user it runs as instead.</summary>
internal sealed record ServerFolder(string Path, SystemUser? User)
{
    /// <exception cref="DistributedApplicationException">This is root, and there is no other user to be.</exception>
    public static ServerFolder For(string server, HostingContext context)
    {
        var wanted = context.Data.Under(server);
        if (!Native.IsRoot)
            return new(DataDirectory.CreateFolder(wanted), User: null);

        var user = SystemUser.Find("postgres") ?? SystemUser.Find("nobody")
            ?? throw new DistributedApplicationException($"'{server}' must not run as root, and this machine has neither a user 'postgres' nor 'nobody'.");
        if (ClosedParent(context.Data.Path) is { } closed)
        {
            // Named after the data directory, so that the next start finds it again.
            wanted = System.IO.Path.Combine("/var/lib/flows", context.Data.Id, server);
            Log.DataElsewhere(context.Logger, server, wanted, user.Name, closed);
            foreach (var folder in (string[])["/var/lib/flows", System.IO.Path.GetDirectoryName(wanted)!])
                DataDirectory.CreateFolder(folder);
        }
        return new(DataDirectory.CreateFolder(wanted), user);
    }

    public void CreateOwned(string folder)
    {
        DataDirectory.CreatePrivateFolder(folder);
        GiveAway(folder);
    }

    public void GiveAway(string path)
    {
        if (User is { } user && !Native.Chown(path, user.Id, user.GroupId))
            throw new DistributedApplicationException($"{path} cannot be given to user '{user.Name}'.");
    }

    /// <summary>The first folder on the way that other users may not pass through.</summary>
    private static string? ClosedParent(string path)
    {
        for (var folder = new DirectoryInfo(path); folder is not null; folder = folder.Parent)
        {
            if (!OperatingSystem.IsWindows() && (folder.UnixFileMode & UnixFileMode.OtherExecute) == 0)
                return folder.FullName;
        }
        return null;
    }
}
