using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Flows.Api.Migrations;

/// <summary>One step of the schema: an SQL file of this folder, embedded in the executable. Applied files never change.</summary>
/// <param name="Number">The order; from 1, without gaps.</param>
/// <param name="Name">File name without extension: <c>0001_initial</c>.</param>
internal sealed partial record Migration(int Number, string Name, string Sql)
{
    /// <summary>Those of this executable, in order.</summary>
    public static IReadOnlyList<Migration> All { get; } = Read(typeof(Migration).Assembly);

    /// <summary>SHA-256 of the text in hex, the same whatever line ends a checkout has made.</summary>
    public string Checksum { get; } =
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Sql.ReplaceLineEndings("\n"))));

    private static Migration[] Read(Assembly assembly)
    {
        var found = assembly.GetManifestResourceNames()
            .Select(resource => (resource, match: FileName().Match(resource)))
            .Where(file => file.match.Success)
            .Select(file =>
            {
                using var reader = new StreamReader(assembly.GetManifestResourceStream(file.resource)!);
                return new Migration(int.Parse(file.match.Groups["number"].Value), file.match.Groups["name"].Value, reader.ReadToEnd());
            })
            .OrderBy(migration => migration.Number)
            .ToArray();
        for (var i = 0; i < found.Length; i++)
        {
            if (found[i].Number != i + 1)
                throw new InvalidOperationException($"Migrations are numbered from 1 without gaps; {found[i].Name} is number {i + 1} in order.");
        }
        return found;
    }

    [GeneratedRegex(@"\.(?<name>(?<number>\d{4})_[a-z0-9_]+)\.sql$")]
    private static partial Regex FileName();
}

/// <summary>The database and this executable do not fit. The message is for the operator.</summary>
internal sealed class SchemaRefusedException(string message, Exception? inner = null) : Exception(message, inner);
