using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Connections;
using Flows.Api.Connections.OAuth;
using Flows.Api.Flows;
using Flows.Api.Flows.Folders;
using Flows.Api.Projects;
using Flows.Api.Users;
using Microsoft.EntityFrameworkCore;

namespace Flows.Api;

/// <summary>
/// The plain rows: what is read and written one at a time. The SQL files in Migrations make the tables; this only maps them. Runs and
/// their journal are not here: they are written in batches, by SQL.
/// </summary>
internal sealed class FlowsDb(DbContextOptions<FlowsDb> options) : DbContext(options)
{
    public DbSet<Project> Projects => Set<Project>();
    public DbSet<ApiKey> ApiKeys => Set<ApiKey>();
    public DbSet<Flow> Flows => Set<Flow>();
    public DbSet<Folder> Folders => Set<Folder>();
    public DbSet<FlowVersion> FlowVersions => Set<FlowVersion>();
    public DbSet<Connection> Connections => Set<Connection>();
    public DbSet<OAuthApp> OAuthApps => Set<OAuthApp>();
    public DbSet<Variable> Variables => Set<Variable>();
    public DbSet<User> Users => Set<User>();
    public DbSet<Member> Members => Set<Member>();
    public DbSet<Session> Sessions => Set<Session>();
    public DbSet<Invitation> Invitations => Set<Invitation>();
    public DbSet<AuditRow> Audit => Set<AuditRow>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<Project>(project =>
        {
            project.ToTable("projects");
            project.Property(p => p.Id).HasColumnName("id").ValueGeneratedNever();
            project.Property(p => p.Name).HasColumnName("name");
            project.Property(p => p.ConcurrentRuns).HasColumnName("concurrent_runs");
            project.Property(p => p.RunTimeoutSeconds).HasColumnName("run_timeout_seconds");
            project.Property(p => p.PausedDays).HasColumnName("paused_days");
            project.Property(p => p.WebhookPerMinute).HasColumnName("webhook_per_minute");
            project.Property(p => p.OnUncertain).HasColumnName("on_uncertain").HasConversion<short>();
            project.Property(p => p.IsTest).HasColumnName("is_test");
            project.Property(p => p.CreatedAt).HasColumnName("created_at");
        });
        modelBuilder.Entity<ApiKey>(key =>
        {
            key.ToTable("api_keys");
            key.Property(k => k.Id).HasColumnName("id").ValueGeneratedNever();
            key.Property(k => k.ProjectId).HasColumnName("project_id");
            key.Property(k => k.Name).HasColumnName("name");
            key.Property(k => k.Prefix).HasColumnName("key_prefix");
            key.Property(k => k.Hash).HasColumnName("key_hash");
            key.Property(k => k.Role).HasColumnName("role").HasConversion<short>();
            key.Property(k => k.Scopes).HasColumnName("scopes");
            key.Property(k => k.CreatedAt).HasColumnName("created_at");
            key.Property(k => k.LastUsedAt).HasColumnName("last_used_at");
            key.Property(k => k.ExpiresAt).HasColumnName("expires_at");
            key.Property(k => k.RevokedAt).HasColumnName("revoked_at");
        });
        modelBuilder.Entity<Flow>(flow =>
        {
            flow.ToTable("flows");
            flow.HasQueryFilter(f => f.DeletedAt == null);
            flow.Property(f => f.Id).HasColumnName("id").ValueGeneratedNever();
            flow.Property(f => f.ProjectId).HasColumnName("project_id");
            flow.Property(f => f.Name).HasColumnName("name");
            flow.Property(f => f.Key).HasColumnName("key");
            flow.Property(f => f.Enabled).HasColumnName("enabled");
            flow.Property(f => f.Draft).HasColumnName("draft").HasColumnType("json");
            flow.Property(f => f.DraftRevision).HasColumnName("draft_revision");
            flow.Property(f => f.PublishedVersionId).HasColumnName("published_version_id");
            flow.Property(f => f.CreatedAt).HasColumnName("created_at");
            flow.Property(f => f.UpdatedAt).HasColumnName("updated_at");
            flow.Property(f => f.FolderId).HasColumnName("folder_id");
            flow.Property(f => f.Tags).HasColumnName("tags");
            flow.Property(f => f.DeletedAt).HasColumnName("deleted_at");
            flow.Property(f => f.PurgeAt).HasColumnName("purge_at");
            flow.Property(f => f.PurgeStartedAt).HasColumnName("purge_started_at");
            flow.Property(f => f.PurgedRuns).HasColumnName("purged_runs");
        });
        modelBuilder.Entity<Folder>(folder =>
        {
            folder.ToTable("folders");
            folder.Property(f => f.Id).HasColumnName("id").ValueGeneratedNever();
            folder.Property(f => f.ProjectId).HasColumnName("project_id");
            folder.Property(f => f.Name).HasColumnName("name");
            folder.Property(f => f.CreatedAt).HasColumnName("created_at");
        });
        modelBuilder.Entity<FlowVersion>(version =>
        {
            version.ToTable("flow_versions");
            version.Property(v => v.Id).HasColumnName("id").ValueGeneratedNever();
            version.Property(v => v.FlowId).HasColumnName("flow_id");
            version.Property(v => v.Number).HasColumnName("number");
            version.Property(v => v.Definition).HasColumnName("definition").HasColumnType("json");
            version.Property(v => v.Note).HasColumnName("note");
            version.Property(v => v.CreatedBy).HasColumnName("created_by");
            version.Property(v => v.CreatedAt).HasColumnName("created_at");
        });
        modelBuilder.Entity<Connection>(connection =>
        {
            connection.ToTable("connections");
            connection.Property(c => c.Id).HasColumnName("id").ValueGeneratedNever();
            connection.Property(c => c.ProjectId).HasColumnName("project_id");
            connection.Property(c => c.Key).HasColumnName("key");
            connection.Property(c => c.Name).HasColumnName("name");
            connection.Property(c => c.Piece).HasColumnName("piece");
            connection.Property(c => c.Kind).HasColumnName("kind");
            connection.Property(c => c.Sealed).HasColumnName("sealed");
            connection.Property(c => c.Shown).HasColumnName("shown").HasColumnType("json");
            connection.Property(c => c.CreatedAt).HasColumnName("created_at");
            connection.Property(c => c.UpdatedAt).HasColumnName("updated_at");
            connection.Property(c => c.Status).HasColumnName("status");
            connection.Property(c => c.Problem).HasColumnName("problem");
            connection.Property(c => c.Tokens).HasColumnName("tokens");
            connection.Property(c => c.ExpiresAt).HasColumnName("expires_at");
            connection.Property(c => c.RenewAt).HasColumnName("renew_at");
            connection.Property(c => c.Failures).HasColumnName("failures");
        });
        modelBuilder.Entity<OAuthApp>(app =>
        {
            app.ToTable("oauth_apps");
            app.Property(a => a.Id).HasColumnName("id").ValueGeneratedNever();
            app.Property(a => a.ProjectId).HasColumnName("project_id");
            app.Property(a => a.Key).HasColumnName("key");
            app.Property(a => a.Name).HasColumnName("name");
            app.Property(a => a.ClientId).HasColumnName("client_id");
            app.Property(a => a.Sealed).HasColumnName("sealed");
            app.Property(a => a.CreatedAt).HasColumnName("created_at");
            app.Property(a => a.UpdatedAt).HasColumnName("updated_at");
        });
        modelBuilder.Entity<Variable>(variable =>
        {
            variable.ToTable("variables");
            variable.HasKey(v => new { v.ProjectId, v.Key });
            variable.Property(v => v.ProjectId).HasColumnName("project_id");
            variable.Property(v => v.Key).HasColumnName("key");
            variable.Property(v => v.Value).HasColumnName("value").HasColumnType("json");
            variable.Property(v => v.UpdatedAt).HasColumnName("updated_at");
        });
        MapPeople(modelBuilder);
    }

    private static void MapPeople(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<User>(user =>
        {
            user.ToTable("users");
            user.Property(u => u.Id).HasColumnName("id").ValueGeneratedNever();
            user.Property(u => u.Email).HasColumnName("email");
            user.Property(u => u.Name).HasColumnName("name");
            user.Property(u => u.PasswordHash).HasColumnName("password_hash");
            user.Property(u => u.CreatedAt).HasColumnName("created_at");
        });
        modelBuilder.Entity<Member>(member =>
        {
            member.ToTable("members");
            member.HasKey(m => new { m.ProjectId, m.UserId });
            member.Property(m => m.ProjectId).HasColumnName("project_id");
            member.Property(m => m.UserId).HasColumnName("user_id");
            member.Property(m => m.Role).HasColumnName("role").HasConversion<short>();
            member.Property(m => m.CreatedAt).HasColumnName("created_at");
            // Rows are inserted in the order of their references.
            member.HasOne<User>().WithMany().HasForeignKey(m => m.UserId);
            member.HasOne<Project>().WithMany().HasForeignKey(m => m.ProjectId);
        });
        modelBuilder.Entity<Session>(session =>
        {
            session.ToTable("sessions");
            session.Property(s => s.Id).HasColumnName("id").ValueGeneratedNever();
            session.Property(s => s.UserId).HasColumnName("user_id");
            session.Property(s => s.TokenHash).HasColumnName("token_hash");
            session.Property(s => s.CreatedAt).HasColumnName("created_at");
            session.Property(s => s.LastUsedAt).HasColumnName("last_used_at");
            session.Property(s => s.Address).HasColumnName("address");
            session.Property(s => s.Agent).HasColumnName("agent");
            session.HasOne<User>().WithMany().HasForeignKey(s => s.UserId);
        });
        modelBuilder.Entity<Invitation>(invitation =>
        {
            invitation.ToTable("invitations");
            invitation.Property(i => i.Id).HasColumnName("id").ValueGeneratedNever();
            invitation.Property(i => i.ProjectId).HasColumnName("project_id");
            invitation.Property(i => i.Role).HasColumnName("role").HasConversion<short>();
            invitation.Property(i => i.Email).HasColumnName("email");
            invitation.Property(i => i.TokenHash).HasColumnName("token_hash");
            invitation.Property(i => i.InvitedBy).HasColumnName("invited_by");
            invitation.Property(i => i.CreatedAt).HasColumnName("created_at");
            invitation.Property(i => i.ExpiresAt).HasColumnName("expires_at");
            invitation.Property(i => i.UsedAt).HasColumnName("used_at");
        });
        modelBuilder.Entity<AuditRow>(row =>
        {
            row.ToTable("audit");
            row.Property(r => r.Id).HasColumnName("id").ValueGeneratedNever();
            row.Property(r => r.ProjectId).HasColumnName("project_id");
            row.Property(r => r.At).HasColumnName("at");
            row.Property(r => r.ActorKind).HasColumnName("actor_kind").HasConversion<short>();
            row.Property(r => r.ActorId).HasColumnName("actor_id");
            row.Property(r => r.Actor).HasColumnName("actor");
            row.Property(r => r.Address).HasColumnName("address");
            row.Property(r => r.Action).HasColumnName("action");
            row.Property(r => r.Target).HasColumnName("target");
            row.Property(r => r.Before).HasColumnName("before").HasColumnType("json");
            row.Property(r => r.After).HasColumnName("after").HasColumnType("json");
        });
    }
}
