using Flows.Tests.Worker;

namespace Flows.Tests.Sandbox;

/// <summary>
/// An engine that runs, as its own program, whatever Perl the "definition" holds: <c>frame(type, json)</c> and <c>raw(bytes)</c> write to the worker,
/// <c>line(path)</c> journals a step that has begun, <c>$run</c> is the run's id. A script that returns ends its run as Succeeded with <c>$output</c>.
/// </summary>
internal static class HostileEngine
{
    /// <summary>Writes it where also the user of a box may read it.</summary>
    public static string Create()
    {
        var path = ScriptedEngine.Create();
        File.WriteAllText(path, Source);
        if (!OperatingSystem.IsWindows())
        {
            const UnixFileMode Everybody = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
                | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
            File.SetUnixFileMode(Path.GetDirectoryName(path)!, Everybody);
            File.SetUnixFileMode(path, Everybody);
        }
        return path;
    }

    public static string Script(string perl) => $$"""{"perl":"{{Convert.ToHexStringLower(System.Text.Encoding.UTF8.GetBytes(perl))}}"}""";

    private const string Source = """
        #!/usr/bin/perl
        use strict;
        binmode STDIN; binmode STDOUT;
        $SIG{PIPE} = 'DEFAULT';
        our ($run, $output, %known, $sequence, %kept);
        sub raw { my ($bytes) = @_; while (length $bytes) { my $n = syswrite STDOUT, $bytes; exit 1 unless $n; $bytes = substr $bytes, $n; } }
        sub frame { my ($type, $json) = @_; raw(pack('VC', length($json) + 1, $type) . $json); }
        sub line { my ($path) = @_; $sequence++; frame(2, qq({"sequence":$sequence,"barrier":false,"steps":[{"path":"$path","name":"$path","kind":"action","status":"Running","effect":"Pure","attempt":1,"startedAt":"2026-01-01T00:00:00Z"}]})); }
        sub take { my ($n) = @_; my $b = ''; while (length($b) < $n) { my $got = sysread STDIN, $b, $n - length($b), length($b); exit 0 unless $got; } return $b; }
        sub try { my ($command) = @_; my $said = `exec 2>&1; $command`; return $said; }
        frame(1, '{"protocol":1,"version":"hostile"}');
        while (1) {
          my $length = unpack 'V', take(4);
          my $type = unpack 'C', take(1);
          my $body = take($length - 1);
          next unless $type == 32;
          ($run) = $body =~ /"runId":"([^"]+)"/;
          my ($version) = $body =~ /"versionId":"([^"]+)"/;
          $known{$version} = pack('H*', $1) if $body =~ /"perl":"([^"]*)"/;
          ($sequence, $output) = (0, 'done');
          eval $known{$version};
          if ($@) { $output = "perl: $@"; }
          $output =~ s/[\\"]/'/g; $output =~ s/[\x00-\x1f]/ /g;
          frame(5, qq({"runId":"$run","outcome":{"status":"Succeeded","output":"$output"}}));
        }
        """;
}
