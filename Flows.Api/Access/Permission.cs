using System.Collections.Frozen;

namespace Flows.Api.Access;

/// <summary>What an endpoint can ask of its caller. Never stored by number: keys store the names of <see cref="Permissions"/>.</summary>
internal enum Permission
{
    /// <summary>What every caller may do: see who it is, sign out, change its own password. The only one that needs no project.</summary>
    OwnAccount,
    ReadFlows,
    EditFlows,
    PublishFlows,
    ReadRuns,
    StartRuns,
    ActOnRuns,
    ReadConnections,
    EditConnections,
    ReadVariables,
    EditVariables,
    ReadQueue,
    OperateQueue,
    ReadMembers,
    ManageMembers,
    ManageKeys,
    ReadProject,
    ChangeProject,
    ReadAudit,
    CreateProjects,
    ManageSystem,
}

/// <summary>What a member is to a project, and a key for its project. Stored by number.</summary>
internal enum Role
{
    Owner = 1,
    Admin = 2,
    Editor = 3,
    Operator = 4,
    Viewer = 5,
}

/// <summary>A set of permissions in one word.</summary>
internal readonly record struct PermissionSet(ulong Bits)
{
    public static PermissionSet Of(IEnumerable<Permission> permissions) => new(permissions.Aggregate(0UL, (bits, permission) => bits | Bit(permission)));
    public bool Has(Permission permission) => (Bits & Bit(permission)) != 0;
    public PermissionSet And(PermissionSet other) => new(Bits & other.Bits);
    public PermissionSet Without(PermissionSet other) => new(Bits & ~other.Bits);
    public IEnumerable<Permission> ToPermissions() => Enum.GetValues<Permission>().Where(Has);

    private static ulong Bit(Permission permission) => 1UL << (int)permission;
}

/// <param name="Name">How keys and documents write it.</param>
/// <param name="Means">For people.</param>
internal sealed record PermissionRow(Permission Permission, string Name, string Means, IReadOnlyList<Role> Roles);

/// <summary>Which role may do what: this table is the rule, and docs/access.md shows it.</summary>
internal static class Permissions
{
    private static readonly Role[] s_all = [Role.Owner, Role.Admin, Role.Editor, Role.Operator, Role.Viewer];
    private static readonly Role[] s_editors = [Role.Owner, Role.Admin, Role.Editor];
    private static readonly Role[] s_runners = [Role.Owner, Role.Admin, Role.Editor, Role.Operator];
    private static readonly Role[] s_operators = [Role.Owner, Role.Admin, Role.Operator];
    private static readonly Role[] s_admins = [Role.Owner, Role.Admin];
    private static readonly Role[] s_owners = [Role.Owner];

    public static IReadOnlyList<PermissionRow> Table { get; } =
    [
        new(Permission.OwnAccount, "account:own", "see who one is, one's own sessions and password", s_all),
        new(Permission.ReadFlows, "flows:read", "see flows, drafts, versions, schedules and the catalogue of pieces", s_all),
        new(Permission.EditFlows, "flows:edit", "make, change, import and delete flows", s_editors),
        new(Permission.PublishFlows, "flows:publish", "publish, enable and disable flows", s_editors),
        new(Permission.ReadRuns, "runs:read", "see runs with their steps and files", s_all),
        new(Permission.StartRuns, "runs:start", "start runs of published flows and test runs of drafts", s_runners),
        new(Permission.ActOnRuns, "runs:act", "cancel and retry runs, decide about uncertain effects", s_runners),
        new(Permission.ReadConnections, "connections:read", "see connections without their secrets", s_all),
        new(Permission.EditConnections, "connections:edit", "make, change, test and delete connections", s_editors),
        new(Permission.ReadVariables, "variables:read", "see variables", s_all),
        new(Permission.EditVariables, "variables:edit", "set and delete variables", s_editors),
        new(Permission.ReadQueue, "queue:read", "see the depth of the queue and the workers", s_all),
        new(Permission.OperateQueue, "queue:operate", "the queue's page: pause, resume, requeue and discard; metrics and sizes of tables", s_operators),
        new(Permission.ReadMembers, "members:read", "see who belongs to the project", s_all),
        new(Permission.ManageMembers, "members:manage", "invite and remove members and change their roles", s_admins),
        new(Permission.ManageKeys, "keys:manage", "see, make and revoke API keys", s_admins),
        new(Permission.ReadProject, "project:read", "see the project's settings", s_all),
        new(Permission.ChangeProject, "project:change", "change the project's name and limits", s_admins),
        new(Permission.ReadAudit, "audit:read", "read the audit log", s_admins),
        new(Permission.CreateProjects, "projects:create", "make further projects", s_owners),
        new(Permission.ManageSystem, "system:manage", "what concerns the whole installation, such as the rotation of keys", s_owners),
    ];

    private static readonly FrozenDictionary<Role, PermissionSet> s_ofRole = s_all.ToFrozenDictionary(
        role => role, role => PermissionSet.Of(Table.Where(row => row.Roles.Contains(role)).Select(row => row.Permission)));
    private static readonly FrozenDictionary<string, Permission> s_byName = Table.ToFrozenDictionary(row => row.Name, row => row.Permission, StringComparer.Ordinal);
    private static readonly FrozenDictionary<Permission, string> s_names = Table.ToFrozenDictionary(row => row.Permission, row => row.Name);

    /// <summary>Nothing for a number that is no role.</summary>
    public static PermissionSet Of(Role role) => s_ofRole.GetValueOrDefault(role);

    public static string NameOf(Permission permission) => s_names[permission];

    public static Permission? ByName(string name) => s_byName.TryGetValue(name, out var permission) ? permission : null;

    /// <summary>What a role may do, cut down to the scopes when there are any. <see cref="Permission.OwnAccount"/> is never cut away. A name that is none gives nothing.</summary>
    public static PermissionSet Of(Role role, IReadOnlyList<string>? scopes) => scopes is null
        ? Of(role)
        : Of(role).And(PermissionSet.Of(scopes.Select(ByName).OfType<Permission>().Append(Permission.OwnAccount)));
}
