namespace Flows.AppHost;

/// <summary>Where the AppHost keeps files of its own: `Flows:DataDirectory`, else `.flows` in the repository's root.</summary>
internal static class DataFolder
{
    public static string Of(IDistributedApplicationBuilder builder)
    {
        var folder = builder.Configuration["Flows:DataDirectory"];
        if (string.IsNullOrEmpty(folder))
        {
            folder = builder.Configuration["Flows:Ephemeral"] is "true" or "True"
                ? Directory.CreateTempSubdirectory("flows-apphost-").FullName
                : Path.Combine(builder.AppHostDirectory, "..", ".flows");
            builder.Configuration["Flows:DataDirectory"] = folder;
        }
        return Directory.CreateDirectory(Path.GetFullPath(folder)).FullName;
    }
}
