using Npgsql;

namespace Flows.Api.Runs;

/// <summary>
/// Does a transaction again that Postgres has undone as a whole, because it and another stood in each other's way: a deadlock (40P01), or a
/// serialization failure (40001). Nothing of it has happened, and the other one is through.
/// </summary>
internal static class UndoneWrites
{
    public const int Tries = 4;
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(20);

    /// <param name="write">Told which try it is, from 1. It has to begin from nothing each time.</param>
    /// <exception cref="PostgresException">Every other error at once; these two after <see cref="Tries"/> tries, with 20, 40 and 80 ms and up to as much again between them.</exception>
    public static async Task<T> AgainAsync<T>(Func<int, Task<T>> write, TimeProvider clock, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await write(attempt);
            }
            catch (PostgresException error) when (error.SqlState is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure && attempt < Tries)
            {
                var pause = s_firstPause * (1 << (attempt - 1));
#pragma warning disable CA5394 // Two that have met are to part, which is no secret.
                await Task.Delay(pause * (1 + Random.Shared.NextDouble()), clock, cancel);
#pragma warning restore CA5394
            }
        }
    }
}
