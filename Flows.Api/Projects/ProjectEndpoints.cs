using System.Text.Json.Serialization;
using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Queues;
using Flows.Api.Users;
using Flows.Api.Webhooks;
using Flows.Contracts.Definitions;
using Flows.Queue;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Flows.Api.Projects;

/// <summary>Projects and their settings. The id in an address must be that of the project the caller is in: any other is not there.</summary>
internal static class ProjectEndpoints
{
    public static void MapProjects(this IEndpointRouteBuilder api)
    {
        var projects = api.MapGroup("/projects").WithTags("Projects");
        projects.MapGet("", List).Requires(Permission.OwnAccount).WithSummary("Your projects");
        projects.MapPost("", Create).Requires(Permission.CreateProjects).Audited("project.created")
            .WithSummary("Make a project; whoever makes it owns it").ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status403Forbidden);
        projects.MapGet("/{id:guid}", Get).Requires(Permission.ReadProject).WithSummary("One project with its settings").ProducesProblem(StatusCodes.Status404NotFound);
        projects.MapPatch("/{id:guid}", Change).Requires(Permission.ChangeProject).Audited("project.changed")
            .WithSummary("Rename a project, change its limits and defaults, or say that it is one for tests").ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status404NotFound);
        projects.MapMembers();
    }

    private static async Task<Ok<ProjectList>> List(Caller caller, FlowsDb db, CancellationToken cancel)
    {
        var mine = caller.Kind == CallerKind.Key
            ? db.Projects.Where(project => project.Id == caller.ProjectId)
            : db.Projects.Where(project => db.Members.Any(member => member.ProjectId == project.Id && member.UserId == caller.Id));
        return TypedResults.Ok(new ProjectList(await mine.AsNoTracking().OrderBy(project => project.Id).Select(project => ProjectView.Of(project)).ToListAsync(cancel)));
    }

    private static async Task<Results<Created<ProjectView>, ProblemHttpResult>> Create(
        CreateProjectRequest request, Caller caller, FlowsDb db, AuditTrail audit, AccessNews news, TimeProvider clock, CancellationToken cancel)
    {
        if (caller.Kind != CallerKind.User)
            return Problems.Of(StatusCodes.Status403Forbidden, "A project needs an owner, and an API key cannot be one: sign in.");
        if (DisplayName.Problem(request.Name) is { } badName)
            return Problems.BadRequest("$.name", badName);
        var now = clock.GetUtcNow();
        var project = new Project { Id = Guid.CreateVersion7(now), Name = request.Name, CreatedAt = now };
        db.Projects.Add(project);
        db.Members.Add(new Member { ProjectId = project.Id, UserId = caller.Id, Role = Role.Owner, CreatedAt = now });
        audit.Add(db, "project.created", $"project:{project.Id}", after: new { project.Name }, projectId: project.Id);
        await db.SaveChangesAsync(cancel);
        news.UserChanged(caller.Id);
        return TypedResults.Created($"/api/v1/projects/{project.Id}", ProjectView.Of(project));
    }

    private static async Task<Results<Ok<ProjectView>, ProblemHttpResult>> Get(
        Guid id, CurrentProject here, FlowsDb db, ProjectTermsBook terms, IOptions<ProjectOptions> options, ProjectLimits limits, CancellationToken cancel)
    {
        if (id != here.Id || await db.Projects.AsNoTracking().SingleOrDefaultAsync(row => row.Id == id, cancel) is not { } project)
            return NoSuch(id);
        var others = terms.OfTheInstallation;
        return TypedResults.Ok(ProjectView.Of(project) with
        {
            Defaults = new ProjectDefaults(options.Value.ConcurrentRuns, (int)others.RunTimeout.TotalSeconds, (int)others.Paused.TotalDays, others.WebhooksPerMinute),
            Ceilings = CeilingsOf(terms, limits),
        });
    }

    private static async Task<Results<Ok<ProjectView>, ProblemHttpResult>> Change(
        Guid id, ChangeProjectRequest request, CurrentProject here, FlowsDb db, AuditTrail audit, ProjectLimits limits, ProjectTermsBook terms, CancellationToken cancel)
    {
        if (request.Name is { } name && DisplayName.Problem(name) is { } badName)
            return Problems.BadRequest("$.name", badName);
        var ceilings = CeilingsOf(terms, limits);
        foreach (var (field, value, most) in ((string, int?, int)[])[
            ("$.concurrentRuns", request.ConcurrentRuns, ceilings.ConcurrentRuns),
            ("$.runTimeoutSeconds", request.RunTimeoutSeconds, ceilings.RunTimeoutSeconds),
            ("$.pausedDays", request.PausedDays, ceilings.PausedDays),
            ("$.webhookPerMinute", request.WebhookPerMinute, ceilings.WebhookPerMinute)])
        {
            if (value < 0 || value > most)
                return Problems.BadRequest(field, $"It must be from 0, which is the installation's default, to {most}, the most that this installation lets a project have.");
        }
        if (id != here.Id || await db.Projects.SingleOrDefaultAsync(row => row.Id == id, cancel) is not { } project)
            return NoSuch(id);
        var before = ProjectView.Of(project);
        project.Name = request.Name ?? project.Name;
        project.ConcurrentRuns = request.ConcurrentRuns ?? project.ConcurrentRuns;
        project.RunTimeoutSeconds = request.RunTimeoutSeconds ?? project.RunTimeoutSeconds;
        project.PausedDays = request.PausedDays ?? project.PausedDays;
        project.WebhookPerMinute = request.WebhookPerMinute ?? project.WebhookPerMinute;
        project.OnUncertain = request.OnUncertain ?? project.OnUncertain;
        project.IsTest = request.IsTest ?? project.IsTest;
        audit.Add(db, "project.changed", $"project:{id}", SettingsOf(before), SettingsOf(ProjectView.Of(project)));
        await db.SaveChangesAsync(cancel);
        terms.Forget(id);
        try
        {
            await limits.TellAsync(cancel);
        }
        catch (QueueUnavailableException)
        {
            // It is written down, and the queue is told within ten seconds of its return.
        }
        return TypedResults.Ok(ProjectView.Of(project));
    }

    private static ProjectCeiling CeilingsOf(ProjectTermsBook terms, ProjectLimits limits) => new(
        limits.Ceiling is > 0 and var runs ? runs : ProjectOptions.MostConcurrentRuns,
        (int)terms.Ceilings.RunTimeout.TotalSeconds,
        (int)terms.Ceilings.Paused.TotalDays,
        terms.Ceilings.WebhooksPerMinute is > 0 and var calls ? calls : WebhookOptions.MostPerMinute);

    private static object SettingsOf(ProjectView project) =>
        new { project.Name, project.ConcurrentRuns, project.RunTimeoutSeconds, project.PausedDays, project.WebhookPerMinute, project.OnUncertain, project.IsTest };

    public static ProblemHttpResult NoSuch(Guid id) => Problems.NotFound($"There is no project {id}, or it is not the one you are in.");

    internal sealed record CreateProjectRequest(string Name);
    /// <param name="ConcurrentRuns">Runs at a time; 0 takes the installation's default.</param>
    /// <param name="IsTest">True lets operators of the project kill a worker in the middle of a sample run.</param>
    /// <param name="RunTimeoutSeconds">Active time of one run, pauses excluded; 0 takes the installation's default. Runs that are under way keep theirs.</param>
    /// <param name="PausedDays">Days that one run may spend paused, all its pauses together; 0 takes the installation's default.</param>
    /// <param name="WebhookPerMinute">Calls that the webhooks of all flows take together; 0 takes the installation's default.</param>
    /// <param name="OnUncertain">What becomes of effects of which a crash has left unknown whether they happened, where the step does not say. It holds from the next claim of a run.</param>
    internal sealed record ChangeProjectRequest(
        string? Name = null, int? ConcurrentRuns = null, bool? IsTest = null, int? RunTimeoutSeconds = null, int? PausedDays = null, int? WebhookPerMinute = null,
        UncertainPolicy? OnUncertain = null);
    internal sealed record ProjectList(IReadOnlyList<ProjectView> Items);
    internal sealed record ProjectView(
        Guid Id, string Name, int ConcurrentRuns, DateTimeOffset CreatedAt, bool IsTest, int RunTimeoutSeconds, int PausedDays, int WebhookPerMinute,
        UncertainPolicy OnUncertain)
    {
        /// <summary>What holds where the project says 0; only of one project that is asked for.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public ProjectDefaults? Defaults { get; init; }

        /// <summary>The most that the project may set; only of one project that is asked for.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public ProjectCeiling? Ceilings { get; init; }

        public static ProjectView Of(Project project) => new(
            project.Id, project.Name, project.ConcurrentRuns, project.CreatedAt, project.IsTest, project.RunTimeoutSeconds, project.PausedDays, project.WebhookPerMinute,
            project.OnUncertain);
    }

    /// <summary>What the installation sets for projects that say nothing of their own; 0 is no limit.</summary>
    internal sealed record ProjectDefaults(int ConcurrentRuns, int RunTimeoutSeconds, int PausedDays, int WebhookPerMinute);

    /// <summary>The most that this installation lets a project have.</summary>
    internal sealed record ProjectCeiling(int ConcurrentRuns, int RunTimeoutSeconds, int PausedDays, int WebhookPerMinute);
}
