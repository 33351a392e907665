using System.Globalization;
using System.Text.Json;

namespace Flows.Api.Runs;

/// <summary>What becomes of a journal line in a run that begins again at some step.</summary>
internal enum LineFate
{
    /// <summary>Not taken along: the step is done again.</summary>
    Drop,
    /// <summary>Taken along as it is.</summary>
    Keep,
    /// <summary>Taken along as a line that has begun and not ended: a router goes on in the branches it was in.</summary>
    Reopen,
}

/// <summary>
/// A step of a definition as the place where a run begins again. Before it lies what is kept: the steps that stand before it at each level,
/// the items before its own (of a parallel loop all others, because items know nothing of each other), and in the same way branches.
/// </summary>
internal sealed class RetryPoint
{
    private readonly List<Level> _levels = [];

    private RetryPoint()
    {
    }

    /// <summary>The step itself, as the definition has it.</summary>
    public JsonElement Step => _levels[^1].Step;

    /// <summary>Finds the step at a path such as <c>each[3].route:VIP.notify</c>; null when the definition has none there.</summary>
    public static RetryPoint? Find(JsonElement definition, string path)
    {
        var point = new RetryPoint();
        var steps = definition.GetProperty("steps");
        var (place, rest) = ("", path);
        while (true)
        {
            var name = FirstName(rest);
            var list = steps.EnumerateArray().ToList();
            var index = list.FindIndex(step => TextOf(step, "name") == name);
            if (index < 0)
                return null;
            var (step, tail) = (list[index], rest[name.Length..]);
            var level = new Level(place, name, step, list[..index]);
            point._levels.Add(level);
            if (tail.Length == 0)
                return point;
            if (!level.TryEnter(tail, out steps))
                return null;
            place += name + level.Door;
            rest = tail[level.Door.Length..];
        }
    }

    public LineFate FateOf(string path)
    {
        foreach (var level in _levels)
        {
            var rest = path[level.Place.Length..];
            var name = FirstName(rest);
            if (level.Before.Any(step => TextOf(step, "name") == name))
                return LineFate.Keep;
            if (name != level.Name || level.Door.Length == 0)
                return LineFate.Drop;
            var tail = rest[name.Length..];
            if (!tail.StartsWith(level.Door, StringComparison.Ordinal))
                return level.FateBeside(tail);
        }
        return LineFate.Drop;
    }

    /// <summary>
    /// The first step whose kept results would not fit another version of the flow: it was changed, added, removed or moved. Null: all fit.
    /// What comes behind the point may differ as it likes.
    /// </summary>
    public string? FirstDifference(RetryPoint other)
    {
        for (var i = 0; i < _levels.Count && i < other._levels.Count; i++)
        {
            var (mine, theirs) = (_levels[i], other._levels[i]);
            for (var k = 0; k < Math.Max(mine.Before.Count, theirs.Before.Count); k++)
            {
                if (k >= mine.Before.Count || k >= theirs.Before.Count || !JsonElement.DeepEquals(mine.Before[k], theirs.Before[k]))
                    return mine.Place + TextOf(k < mine.Before.Count ? mine.Before[k] : theirs.Before[k], "name");
            }
            if (mine.Door.Length > 0 && !mine.HasSameHead(theirs))
                return mine.Place + mine.Name;
        }
        return null;
    }

    private static string FirstName(string path) => path.IndexOfAny(['[', ':', '!', '.']) is >= 0 and var end ? path[..end] : path;

    private static string? TextOf(JsonElement owner, string name) =>
        owner.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>One list of steps on the way: the step the way goes through or ends at, and those before it.</summary>
    private sealed class Level(string place, string name, JsonElement step, List<JsonElement> before)
    {
        private int _item = -1;
        private int _branch = -1;

        public string Place => place;
        public string Name => name;
        public JsonElement Step => step;
        public List<JsonElement> Before => before;

        /// <summary>How the way goes on inside the step: <c>[3].</c>, <c>:VIP.</c>, <c>!</c>; empty where it ends.</summary>
        public string Door { get; private set; } = "";

        public bool TryEnter(string tail, out JsonElement steps)
        {
            steps = default;
            switch (tail[0])
            {
                case '[' when TextOf(step, "kind") == "loop" && tail.IndexOf("].", StringComparison.Ordinal) is > 0 and var end:
                    Door = tail[..(end + 2)];
                    return int.TryParse(tail.AsSpan(1, end - 1), NumberStyles.None, CultureInfo.InvariantCulture, out _item) && step.TryGetProperty("steps", out steps);
                case ':' when TextOf(step, "kind") == "router" && tail.IndexOf('.', StringComparison.Ordinal) is > 0 and var end:
                    Door = tail[..(end + 1)];
                    _branch = BranchAt(tail);
                    return _branch >= 0 && step.GetProperty("branches")[_branch].TryGetProperty("steps", out steps);
                case '!' when step.TryGetProperty("onError", out var onError) && onError.ValueKind == JsonValueKind.Object:
                    Door = "!";
                    return onError.TryGetProperty("steps", out steps);
                default:
                    return false;
            }
        }

        /// <summary>What becomes of a line of this step that is not on the way.</summary>
        /// <param name="tail">What follows the step's path; empty for its own line.</param>
        public LineFate FateBeside(string tail)
        {
            if (Door == "!")
                return LineFate.Keep; // it failed, and the flow went on in its failure branch
            if (_item >= 0)
            {
                return tail.StartsWith('[') && int.TryParse(tail.AsSpan(1, tail.IndexOf(']') - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var item)
                    && (item < _item || Parallel > 1) ? LineFate.Keep : LineFate.Drop;
            }
            if (tail.Length == 0)
                return LineFate.Reopen;
            return tail[0] == ':' && BranchAt(tail) is var branch and >= 0 && (branch < _branch || TextOf(step, "mode") == "parallel") ? LineFate.Keep : LineFate.Drop;
        }

        public bool HasSameHead(Level other)
        {
            var (mine, theirs) = (Head(step), Head(other.Step));
            return mine.Count == theirs.Count && mine.Zip(theirs).All(pair =>
                pair.First.Name == pair.Second.Name && JsonElement.DeepEquals(pair.First.Value, pair.Second.Value))
                && (_branch < 0 || HasSameBranches(other));
        }

        private int Parallel => step.TryGetProperty("parallel", out var parallel) && parallel.TryGetInt32(out var lanes) ? lanes : 1;

        // The choice was made between all of them; those beside the way have lines of their own.
        private bool HasSameBranches(Level other)
        {
            var (mine, theirs) = (step.GetProperty("branches").EnumerateArray().ToList(), other.Step.GetProperty("branches").EnumerateArray().ToList());
            if (mine.Count != theirs.Count)
                return false;
            for (var i = 0; i < mine.Count; i++)
            {
                var same = i == _branch
                    ? TextOf(mine[i], "name") == TextOf(theirs[i], "name") && SameOrAbsent(mine[i], theirs[i], "when")
                    : JsonElement.DeepEquals(mine[i], theirs[i]);
                if (!same)
                    return false;
            }
            return true;
        }

        private static bool SameOrAbsent(JsonElement mine, JsonElement theirs, string name) =>
            mine.TryGetProperty(name, out var first) == theirs.TryGetProperty(name, out var second) && (first.ValueKind == JsonValueKind.Undefined || JsonElement.DeepEquals(first, second));

        private int BranchAt(string tail)
        {
            var end = tail.IndexOf('.', StringComparison.Ordinal);
            var wanted = end < 0 ? tail[1..] : tail[1..end];
            return step.TryGetProperty("branches", out var branches) ? branches.EnumerateArray().ToList().FindIndex(branch => TextOf(branch, "name") == wanted) : -1;
        }

        private List<JsonProperty> Head(JsonElement of) =>
            [.. of.EnumerateObject().Where(property => property.Name is not ("title" or "steps" or "branches") && (property.Name != "onError" || Door != "!")).OrderBy(property => property.Name, StringComparer.Ordinal)];
    }
}
