using CsCheck;

namespace Flows.Tests.Properties;

/// <summary>
/// What holds for everything a generator makes. The cases are the same each time, so that a failure comes again; it is made as small as it can be,
/// and its message has it and its seed.
/// </summary>
internal static class Property
{
    private const int Cases = 1_000;
    private const int TriesToMakeItSmaller = 5_000;

    /// <param name="check">Throws, as asserts do, where it does not hold.</param>
    public static void Holds<T>(this Gen<T> gen, Action<T> check, int cases = Cases, Func<T, string>? print = null)
    {
        for (var i = 0; i < cases; i++)
        {
            var random = new PCG((uint)i, 0x9E3779B97F4A7C15);
            var seed = random.ToString();
            var value = gen.Generate(random, null, out _);
            try
            {
                check(value);
            }
            catch (Exception)
            {
                gen.Sample(check, seed: seed, iter: TriesToMakeItSmaller, threads: 1, print: print);
                throw;
            }
        }
    }
}
