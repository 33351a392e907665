using System.Text.RegularExpressions;
using Flows.Api.Users;
using Microsoft.Extensions.DependencyInjection;

namespace Flows.Tests.Api;

[Collection(nameof(Platform))]
public sealed class SigningIn(PeopleFixture people, Platform platform) : IClassFixture<PeopleFixture>
{
    private readonly ApiHost _api = people.Api;
    private readonly TestDatabase _database = people.Database;
    private readonly PeopleFixture.SteppedClock _clock = people.Clock;

    [Fact]
    public async Task A_session_lives_in_a_cookie_that_no_script_reads_and_ends_where_it_is_revoked()
    {
        var email = await people.AddUserAsync();
        using var owner = await Person.SignedInAsync(_api, email);
        var cookie = owner.Cookie!;
        Assert.True(cookie.HttpOnly);
        Assert.Equal(0L, await _database.ScalarAsync("SELECT count(*) FROM sessions WHERE encode(token_hash, 'escape') LIKE '%' || $1 || '%'", cookie.Value));

        using var phone = new Person(_api);
        var signedIn = (await phone.SendAsync(HttpMethod.Post, "/api/v1/session", new { email = email.ToUpperInvariant(), password = Person.Password })).Ok(204);
        Assert.Contains("samesite=lax", signedIn.Headers.GetValues("Set-Cookie").Single(), StringComparison.OrdinalIgnoreCase);
        var sessions = (await owner.GetAsync("/api/v1/sessions")).Ok()["items"].EnumerateArray().ToList();
        Assert.Equal(2, sessions.Count);
        var other = sessions.Single(session => !session.GetProperty("current").GetBoolean()).GetProperty("id").GetGuid();
        (await phone.GetAsync("/api/v1/flows")).Ok();
        (await owner.SendAsync(HttpMethod.Delete, $"/api/v1/sessions/{other}")).Ok(204);
        (await phone.GetAsync("/api/v1/flows")).Problem(401);

        var value = cookie.Value;
        (await owner.SendAsync(HttpMethod.Delete, "/api/v1/session")).Ok(204);
        Assert.Null(owner.Cookie);
        using var thief = new Person(_api);
        (await thief.SendAsync(HttpMethod.Get, "/api/v1/me", null, null, ("Cookie", $"flows_session={value}"))).Problem(401);
    }

    [Fact]
    public async Task A_session_ends_after_seven_days_without_use_and_after_thirty_in_any_case()
    {
        var email = await people.AddUserAsync();
        using var owner = await Person.SignedInAsync(_api, email);
        for (var day = 0; day < 28; day += 4)
        {
            _clock.Advance(TimeSpan.FromDays(4));
            (await owner.GetAsync("/api/v1/me")).Ok();
            await _api.App.Services.GetRequiredService<SessionCache>().FlushAsync(default);
        }
        _clock.Advance(TimeSpan.FromDays(3));
        (await owner.GetAsync("/api/v1/me")).Problem(401);

        using var idle = new Person(_api);
        (await idle.SendAsync(HttpMethod.Post, "/api/v1/session", new { email = email, password = Person.Password })).Ok(204);
        (await idle.GetAsync("/api/v1/me")).Ok();
        _clock.Advance(TimeSpan.FromDays(8));
        (await idle.GetAsync("/api/v1/me")).Problem(401);
        await _api.App.Services.GetRequiredService<SessionCleaner>().CleanAsync(default);
        Assert.Equal(0L, await _database.ScalarAsync("SELECT count(*) FROM sessions"));
    }

    [Fact]
    public async Task A_change_by_cookie_is_refused_when_it_may_come_from_another_site()
    {
        var email = await people.AddUserAsync();
        using var owner = await Person.SignedInAsync(_api, email);
        var origin = _api.Http.BaseAddress!.GetLeftPart(UriPartial.Authority);
        foreach (var (header, value, status) in new[]
        {
            ("X-Nothing", "1", 403), ("Origin", "https://evil.example", 403), ("Origin", "null", 403), ("Sec-Fetch-Site", "cross-site", 403), ("Sec-Fetch-Site", "same-site", 403),
            ("Flows-Csrf", "1", 201), ("Origin", origin, 201), ("Sec-Fetch-Site", "same-origin", 201),
        })
        {
            var answer = await owner.SendAsync(HttpMethod.Post, "/api/v1/flows", new { name = "F" }, null, (header, value));
            Assert.True(answer.Status == status, $"{header}: {value} gave {answer.Status}");
        }
        // Origin is not asked where the browser has said more.
        (await owner.SendAsync(HttpMethod.Post, "/api/v1/flows", new { name = "F" }, null, ("Sec-Fetch-Site", "cross-site"), ("Origin", origin))).Problem(403);
        (await owner.SendAsync(HttpMethod.Get, "/api/v1/flows", null, null, ("Sec-Fetch-Site", "cross-site"))).Ok();
    }

    [Fact]
    public async Task Every_change_there_is_is_refused_to_a_cookie_that_another_site_makes_the_browser_send()
    {
        using var uwe = await Person.SignedInAsync(_api, await people.AddUserAsync());
        var wrong = new List<string>();
        var changes = ApiRoute.All(_api).Where(route => route.Method is not ("GET" or "HEAD" or "OPTIONS") && route.Required.Count > 0).ToList();
        foreach (var route in changes)
        {
            foreach (var from in new (string, string)[] { ("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site"), ("X-Nothing", "1") })
            {
                var answer = await uwe.SendAsync(new HttpMethod(route.Method), route.Path(Guid.CreateVersion7()), new { made = "up" }, null, from);
                if (answer.Status != 403 || !answer.Text.Contains("Flows-Csrf", StringComparison.Ordinal))
                    wrong.Add($"{route} with {from}: {answer.Status} {answer.Text}");
            }
        }
        Assert.Equal([], wrong);
        Assert.True(changes.Count > 50, $"{changes.Count} changes");
        (await uwe.GetAsync("/api/v1/me")).Ok(); // the cookie is a good one
    }

    [Fact]
    public async Task Wrong_passwords_lock_an_account_for_a_time_that_grows_whether_it_exists_or_not()
    {
        var account = await people.AddUserAsync();
        using var guesser = new Person(_api);
        foreach (var email in new[] { account, "nobody@example.com" })
        {
            for (var i = 0; i < 5; i++)
                Assert.Equal("The e-mail address or the password is wrong.", (await TryAsync(guesser, email, "wrong password")).Json.GetProperty("detail").GetString());
            var locked = await TryAsync(guesser, email, Person.Password); // the right one does not help either
            locked.Problem(429);
            Assert.InRange(locked.Headers.RetryAfter!.Delta!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60));
        }
        _clock.Advance(TimeSpan.FromSeconds(61));
        (await TryAsync(guesser, account, "wrong password")).Problem(401);
        Assert.InRange((await TryAsync(guesser, account, Person.Password)).Headers.RetryAfter!.Delta!.Value, TimeSpan.FromSeconds(61), TimeSpan.FromSeconds(120));
        _clock.Advance(TimeSpan.FromMinutes(2));
        (await TryAsync(guesser, account, Person.Password)).Ok(204);
        (await TryAsync(guesser, account, "wrong password")).Problem(401); // forgiven: counted from one again
    }

    [Fact]
    public async Task A_network_address_that_guesses_at_many_accounts_is_locked_as_well()
    {
        await using var elsewhere = new TestDatabase(platform); // everybody in these tests comes from one address
        await using var strict = await people.StartAsync(elsewhere, ("Flows:SignIn:FailuresPerAddress", "3"));
        using var guesser = new Person(strict);
        for (var i = 0; i < 3; i++)
            (await TryAsync(guesser, $"nobody{i}@example.com", "wrong password")).Problem(401);
        (await TryAsync(guesser, "somebody@example.com", "wrong password")).Problem(429);
    }

    [Fact]
    public async Task A_new_password_ends_the_other_sessions_and_an_old_hash_is_made_anew()
    {
        var email = await people.AddUserAsync();
        using var owner = await Person.SignedInAsync(_api, email);
        using var phone = new Person(_api);
        (await TryAsync(phone, email, Person.Password)).Ok(204);
        (await phone.GetAsync("/api/v1/me")).Ok();
        Assert.Equal(["$.current: It is not your password."], (await owner.SendAsync(HttpMethod.Put, "/api/v1/me/password", new { current = "wrong", @new = "another good password" })).Problem(400));
        (await owner.SendAsync(HttpMethod.Put, "/api/v1/me/password", new { current = Person.Password, @new = "another good password" })).Ok(204);
        (await phone.GetAsync("/api/v1/me")).Problem(401);
        (await owner.GetAsync("/api/v1/me")).Ok();
        (await TryAsync(phone, email, Person.Password)).Problem(401);

        var before = (string)(await _database.ScalarAsync("SELECT password_hash FROM users WHERE email = $1", email))!;
        await using var costlier = await people.StartAsync(("Flows:SignIn:PasswordRounds", "110000"));
        using var there = new Person(costlier);
        (await TryAsync(there, email, "another good password")).Ok(204);
        var after = (string)(await _database.ScalarAsync("SELECT password_hash FROM users WHERE email = $1", email))!;
        Assert.NotEqual(before, after);
        (await TryAsync(there, email, "another good password")).Ok(204);
        Assert.Equal(after, await _database.ScalarAsync("SELECT password_hash FROM users WHERE email = $1", email));
    }

    [Fact]
    public async Task A_session_that_one_replica_ends_is_over_in_the_other_without_its_being_read_again()
    {
        var email = await people.AddUserAsync();
        using var owner = await Person.SignedInAsync(_api, email);
        await using var replica = await people.StartAsync();
        using var phone = new Person(replica);
        (await TryAsync(phone, email, Person.Password)).Ok(204);
        (await phone.GetAsync("/api/v1/me")).Ok();
        (await owner.SendAsync(HttpMethod.Delete, "/api/v1/sessions")).Ok(204);
        // The news is on its way; the clock stands, so nothing but it can end the entry of 30 s.
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while ((await phone.GetAsync("/api/v1/me")).Status != 401)
            await Task.Delay(20, limit.Token);
    }

    [Fact]
    public async Task A_known_session_costs_no_round_trip()
    {
        var email = await people.AddUserAsync();
        using var owner = await Person.SignedInAsync(_api, email);
        (await owner.GetAsync("/api/v1/pieces/http")).Ok();
        await _database.ScalarAsync("ALTER TABLE sessions RENAME TO sessions_away");
        for (var i = 0; i < 50; i++)
            (await owner.GetAsync("/api/v1/pieces/http")).Ok();
    }

    [Fact]
    public async Task The_pages_lead_in_and_out_without_script_and_take_no_form_from_elsewhere()
    {
        var email = await people.AddUserAsync();
        await _database.ScalarAsync("UPDATE users SET name = '<b>Olga</b>' WHERE email = $1", email);
        await _database.ScalarAsync("UPDATE members SET role = 4 WHERE user_id = (SELECT id FROM users WHERE email = $1)", email);
        using var browser = new Person(_api);
        var sent = await browser.OpenAsync("/admin/queues");
        Assert.Equal((302, "../sign-in?then=%2Fadmin%2Fqueues"), (sent.Status, sent.Headers.Location!.OriginalString));
        var page = await browser.OpenAsync("/sign-in?then=%2Fadmin%2Fqueues");
        Assert.DoesNotContain("<script", page.Text, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("frame-ancestors 'none'", page.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Dictionary<string, string> right = new() { ["email"] = email, ["password"] = Person.Password };
        Assert.Equal(403, (await browser.SubmitAsync("/sign-in", right, "cross-site")).Status);
        Assert.Equal(401, (await browser.SubmitAsync("/sign-in", new() { ["email"] = email, ["password"] = "wrong" })).Status);
        foreach (var (then, to) in new[] { ("/admin/queues", "./admin/queues"), ("//evil.example", "./"), ("/\\evil.example", "./"), ("https://evil.example", "./") })
            Assert.Equal(to, (await browser.SubmitAsync($"/sign-in?then={Uri.EscapeDataString(then)}", right)).Headers.Location!.OriginalString);

        var queue = await browser.OpenAsync("/admin/queues");
        var form = Regex.Match(queue.Text, "action=\"\\.\\.(?<path>/admin/queues/pause[^\"]*)\"><input type=\"hidden\" name=\"form_token\" value=\"(?<token>[^\"]+)\"");
        Assert.True(form.Success, queue.Text);
        Assert.Equal(403, (await browser.SubmitAsync(form.Groups["path"].Value, [])).Status);
        Assert.Equal(302, (await browser.SubmitAsync(form.Groups["path"].Value, new() { ["form_token"] = form.Groups["token"].Value })).Status);
        Assert.Contains("paused", (await browser.OpenAsync("/admin/queues")).Text, StringComparison.Ordinal);

        var signedIn = await browser.OpenAsync("/sign-in");
        Assert.Contains("&lt;b&gt;Olga", signedIn.Text, StringComparison.Ordinal);
        var token = Regex.Match(signedIn.Text, "name=\"form_token\" value=\"(?<token>[^\"]+)\"").Groups["token"].Value;
        Assert.Equal(403, (await browser.SubmitAsync("/sign-out", new() { ["form_token"] = "x" })).Status);
        Assert.Equal(302, (await browser.SubmitAsync("/sign-out", new() { ["form_token"] = token })).Status);
        Assert.Equal(302, (await browser.OpenAsync("/admin/queues")).Status);
    }

    private static Task<Answer> TryAsync(Person person, string email, string password) =>
        person.SendAsync(HttpMethod.Post, "/api/v1/session", new { email, password });
}
