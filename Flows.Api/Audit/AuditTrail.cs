using System.Text.Json;
using System.Text.Json.Serialization;
using Flows.Api.Access;

namespace Flows.Api.Audit;

/// <summary>One thing that was done.</summary>
internal sealed class AuditRow
{
    public required Guid Id { get; init; }
    public Guid? ProjectId { get; init; }
    public required DateTimeOffset At { get; init; }
    public required CallerKind ActorKind { get; init; }
    public Guid? ActorId { get; init; }
    public required string Actor { get; init; }
    public string? Address { get; init; }
    public required string Action { get; init; }
    public string? Target { get; init; }
    public string? Before { get; init; }
    public string? After { get; init; }
}

/// <summary>
/// Says who did what, from where. A handler that has a transaction adds the row to its own context, so that both are there or neither;
/// for the others <see cref="AuditedFilter"/> writes it ahead. No secret may be given to it.
/// </summary>
internal sealed class AuditTrail(HttpContext http)
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter() },
    };

    private (object? Before, object? After) _told;

    /// <summary>True when this request has written its row, or has none to write.</summary>
    public bool IsWritten { get; private set; }

    /// <summary>The request succeeds and has changed nothing, because it was so already: there is no row, but for what was added.</summary>
    public void NothingChanged() => IsWritten = true;

    public static AuditTrail Of(HttpContext http)
    {
        if (http.Items.TryGetValue(typeof(AuditTrail), out var trail))
            return (AuditTrail)trail!;
        var made = new AuditTrail(http);
        http.Items[typeof(AuditTrail)] = made;
        return made;
    }

    /// <summary>Binds a handler's parameter.</summary>
    public static ValueTask<AuditTrail?> BindAsync(HttpContext context) => ValueTask.FromResult<AuditTrail?>(Of(context));

    /// <summary>Adds the row to the context; the caller saves it together with the change.</summary>
    /// <param name="target">Kind and id: <c>flow:0199…</c>.</param>
    /// <param name="before">What was, without secrets; null when there was nothing.</param>
    /// <param name="after">What is.</param>
    /// <param name="projectId">Of the caller when left out.</param>
    public void Add(FlowsDb db, string action, string target, object? before = null, object? after = null, Guid? projectId = null)
    {
        db.Audit.Add(Row(action, target, before, after, projectId));
        IsWritten = true;
    }

    /// <summary>What the row is to say that <see cref="AuditedFilter"/> writes, for a handler that has no transaction to write one in.</summary>
    public void Tell(object? before = null, object? after = null) => _told = (before, after);

    internal AuditRow Told(string action, string? target) => Row(action, target, _told.Before, _told.After, projectId: null);

    /// <summary>For who was no caller when the request came: one who signs in, or sets the installation up.</summary>
    public void AddAs(FlowsDb db, CallerKind kind, Guid actorId, string actor, string action, string target, object? after = null, Guid? projectId = null)
    {
        db.Audit.Add(Row(kind, actorId, actor, action, target, before: null, after, projectId));
        IsWritten = true;
    }

    private AuditRow Row(string action, string? target, object? before, object? after, Guid? projectId)
    {
        var caller = Caller.Of(http);
        return Row(caller.Kind, caller.Id, caller.Name, action, target, before, after, projectId ?? caller.ProjectId);
    }

    private AuditRow Row(CallerKind kind, Guid actorId, string actor, string action, string? target, object? before, object? after, Guid? projectId)
    {
        var now = http.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow();
        return new AuditRow
        {
            Id = Guid.CreateVersion7(now),
            ProjectId = projectId,
            At = now,
            ActorKind = kind,
            ActorId = actorId,
            Actor = actor,
            Address = http.Connection.RemoteIpAddress?.ToString(),
            Action = action,
            Target = target,
            Before = before is null ? null : JsonSerializer.Serialize(before, s_json),
            After = after is null ? null : JsonSerializer.Serialize(after, s_json),
        };
    }
}
