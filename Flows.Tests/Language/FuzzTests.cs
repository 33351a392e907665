using System.Diagnostics;
using System.Text;
using Flows.Contracts.Expressions;
using Flows.Engine.Expressions;

namespace Flows.Tests.Language;

/// <summary>
/// More than a million inputs nobody wrote: each gives a value or one of the two exceptions for expressions, and ends. The seeds are fixed, so a
/// failure comes again; its message holds the text. FLOWS_FUZZ_EACH asks for more of each of the three kinds, for a change of the parser.
/// </summary>
[Trait("Category", "Proof")]
public sealed class FuzzTests
{
    private static readonly int s_each = int.TryParse(Environment.GetEnvironmentVariable("FLOWS_FUZZ_EACH"), out var each) ? each : 350_000;

    private static readonly ExpressionLimits s_limits = new()
    {
        Steps = 5_000,
        TextLength = 5_000,
        ListItems = 1_000,
        Size = 20_000,
        Time = TimeSpan.FromSeconds(1),
        PatternTime = TimeSpan.FromMilliseconds(10),
    };

    private static readonly string[] s_tokens =
    [
        "trigger", "body", "lines", "x", "i", "a", "0", "1", "2.5", "9223372036854775807", "1e308", "'abc'", "\"q\"", "''", "'2026-03-01'", "'Europe/Berlin'", "'day'", "'(a+)+$'",
        "true", "false", "null", "+", "-", "*", "/", "%", "**", "===", "!==", "==", "<", "<=", ">", ">=", "&&", "||", "??", "!", "?", ":", ".", "?.", "[", "]", "(", ")", "{", "}",
        ",", "...", "=>", "x => ", "(a, b) => ", "`", "${", "}", " ", "\n", "{{", "}}", "\\", "'", "length", .. FunctionTable.Names, .. FunctionTable.Names.Select(name => name + "("),
    ];

    private static readonly string[] s_valid =
    [
        "{{ trigger.body.lines.map(l => l.qty * l.price).sum() }}", "Order {{ trigger.body.id }} of {{ trigger.body.note ?? 'x' }}", "{{ trigger.body.price > 10 ? 'dear' : 'cheap' }}",
        "{{ Object.entries(trigger.body.address).map(([k, v]) => `${k}=${v}`).join('&') }}", "{{ { ...trigger.body, tags: [...trigger.body.tags, 'x'], ['k' + 1]: 2 } }}",
        "{{ dateAdd('2026-03-28T12:00:00', 1, 'days', 'Europe/Berlin') }}", "{{ 'a1b22'.replacePattern('(\\\\d+)', '<$1>') }}", "{{ trigger.nope?.x?.[0] ?? trigger.body.lines[2].sku }}",
        "{{ range(1, 50, 3).reduce((a, b) => a + b, 0) ** 2 % 7 }}", "{{ sortBy(trigger.body.lines, 'price', 'desc').groupBy(({ sku }) => sku) }}", "{{ formatDate('2026-03-01', \"DD.MM.YYYY 'um' HH:mm\", 'Asia/Tokyo') }}",
        "{{ toJson(parseJson('{\"a\":[1,2]}'), 2).split('\\n').length }}", "{{ match('2026-03', '(\\\\d+)-(\\\\d+)').slice(1).map(x => number(x)) }}", "{{ set({ a: [1, { b: 2 }] }, 'a[1].b', upper('x')) }}",
    ];

    [Fact]
    public void Random_characters() => Run(random =>
    {
        var text = new StringBuilder("{{");
        var length = random.Next(1, 40);
        for (var i = 0; i < length; i++)
            text.Append((char)(random.Next(10) == 0 ? random.Next(0x10000) : random.Next(9, 127)));
        return text.Append("}}").ToString();
    });

    [Fact]
    public void Random_tokens() => Run(random =>
    {
        var text = new StringBuilder("{{ ");
        var length = random.Next(1, 14);
        for (var i = 0; i < length; i++)
            text.Append(s_tokens[random.Next(s_tokens.Length)]);
        return text.Append(" }}").ToString();
    });

    [Fact]
    public void Valid_expressions_with_parts_exchanged() => Run(random =>
    {
        var text = new StringBuilder(s_valid[random.Next(s_valid.Length)]);
        for (var changes = random.Next(1, 4); changes > 0; changes--)
        {
            var at = random.Next(2, text.Length);
            switch (random.Next(4))
            {
                case 0:
                    text.Remove(at, Math.Min(random.Next(1, 6), text.Length - at));
                    break;
                case 1:
                    text.Insert(at, s_tokens[random.Next(s_tokens.Length)]);
                    break;
                case 2:
                    var other = s_valid[random.Next(s_valid.Length)];
                    var from = random.Next(other.Length);
                    text.Insert(at, other.AsSpan(from, Math.Min(random.Next(1, 20), other.Length - from)));
                    break;
                default:
                    text[Math.Min(at, text.Length - 1)] = (char)random.Next(32, 127);
                    break;
            }
            if (text.Length < 3)
                break;
        }
        return text.ToString();
    });

    private static void Run(Func<Random, string> make)
    {
        var scope = SampleScope.Of(Expressions.Data);
        var evaluated = 0;
        Parallel.For(0, 50, seed =>
        {
            var random = new Random(seed);
            var context = new EvaluationContext(TimeProvider.System, "fuzz", s_limits);
            var good = 0;
            for (var i = 0; i < s_each / 50; i++)
            {
                var text = make(random);
                var started = Stopwatch.GetTimestamp();
                try
                {
                    // Most inputs end here, and without the second exception that gives a syntax error its field.
                    TextTemplate.Parse(text);
                    context.Begin();
                    var value = CompiledText.Of(text, null).Evaluate(scope, context, null);
                    Value.FromJson(value.ToRawJson());
                    good++;
                }
                catch (Exception error) when (error is ExpressionException or ExpressionSyntaxException)
                {
                }
                catch (Exception error)
                {
                    Assert.Fail($"{text}\n{error}");
                }
                var took = Stopwatch.GetElapsedTime(started);
                Assert.True(took < TimeSpan.FromSeconds(30), $"{took} for {text}");
            }
            Interlocked.Add(ref evaluated, good);
        });
        Assert.True(evaluated > 0);
    }
}
