using System.Collections.Concurrent;
using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;
using Flows.Engine.Pieces;

namespace Flows.Tests.Engine;

/// <summary>A piece whose effects can be counted, failed and held up by a test.</summary>
internal sealed partial class LedgerPiece() : Piece("ledger", "Ledger", "Writes down what was done.")
{
    private readonly ConcurrentQueue<string> _done = new();
    private readonly ConcurrentDictionary<string, int> _calls = new();

    /// <summary>The paths of the steps that were done, in order.</summary>
    public IReadOnlyList<string> Done => [.. _done];

    /// <summary>Held steps wait for this.</summary>
    public TaskCompletionSource Gate { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>How many steps were inside the held action at the same time.</summary>
    public int MostAtOnce { get; private set; }

    private int _inside;

    public override IReadOnlyList<PieceAction> Actions => [new Write(this), new Read(this), new Fail(this), new Hold(this)];

    internal sealed record WriteInput(Value Value);
    internal sealed record FailInput(int Times, string Code, bool Transient);
    internal sealed record HoldInput(Value Value);

    private sealed class Write(LedgerPiece ledger) : PieceAction<WriteInput, Value>("write", "Write", "An effect.", StepEffect.Effect, LedgerJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } = [Prop.Any("value", "Value")];

        protected override Task<Value> RunAsync(WriteInput input, PieceContext context, CancellationToken cancel) => ledger.Add(input.Value, context);
    }

    private sealed class Read(LedgerPiece ledger) : PieceAction<WriteInput, Value>("read", "Read", "Can be repeated.", StepEffect.Idempotent, LedgerJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } = [Prop.Any("value", "Value")];

        protected override Task<Value> RunAsync(WriteInput input, PieceContext context, CancellationToken cancel) => ledger.Add(input.Value, context);
    }

    private sealed class Fail(LedgerPiece ledger) : PieceAction<FailInput, Value>("fail", "Fail", "Fails some times, then succeeds.", StepEffect.Effect, LedgerJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            new("times", "Times", "integer", "number", Required: true),
            Prop.Text("code", "Code", otherwise: "broken"),
            Prop.Flag("transient", "Transient", otherwise: true),
        ];

        protected override Task<Value> RunAsync(FailInput input, PieceContext context, CancellationToken cancel)
        {
            var call = ledger._calls.AddOrUpdate(context.IdempotencyKey, 1, (_, calls) => calls + 1);
            if (call <= input.Times)
            {
                throw input.Transient
                    ? PieceException.Transient("it is broken.", input.Code)
                    : PieceException.Final("it is broken.", input.Code);
            }
            return ledger.Add(Value.Of(call), context);
        }
    }

    private sealed class Hold(LedgerPiece ledger) : PieceAction<HoldInput, Value>("hold", "Hold", "Waits for the test.", StepEffect.Pure, LedgerJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } = [Prop.Any("value", "Value")];

        protected override async Task<Value> RunAsync(HoldInput input, PieceContext context, CancellationToken cancel)
        {
            ledger.MostAtOnce = Math.Max(ledger.MostAtOnce, Interlocked.Increment(ref ledger._inside));
            try
            {
                await ledger.Gate.Task.WaitAsync(cancel);
                return input.Value;
            }
            finally
            {
                Interlocked.Decrement(ref ledger._inside);
            }
        }
    }

    private Task<Value> Add(Value value, PieceContext context)
    {
        _done.Enqueue(context.IdempotencyKey[(context.IdempotencyKey.IndexOf(':', StringComparison.Ordinal) + 1)..]);
        return Task.FromResult(value);
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(WriteInput))]
    [JsonSerializable(typeof(FailInput))]
    [JsonSerializable(typeof(HoldInput))]
    private sealed partial class LedgerJson : JsonSerializerContext;
}
