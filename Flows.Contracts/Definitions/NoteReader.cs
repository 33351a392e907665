using System.Text.Json;

namespace Flows.Contracts.Definitions;

/// <summary>A note beside the steps on the canvas of the editor. It does nothing in a run.</summary>
/// <param name="Text">At most <see cref="NoteReader.MaxText"/> characters.</param>
/// <param name="X">Of its upper left corner, in pixels of the canvas.</param>
/// <param name="Y">The same, downward.</param>
public sealed record FlowNote(string Text, double X, double Y, NoteColor Color = NoteColor.Yellow);

public enum NoteColor { Yellow, Blue, Green, Red }

/// <summary>Reads what people wrote beside the steps.</summary>
internal static class NoteReader
{
    public const int MaxNotes = 100;
    public const int MaxText = 4_000;
    private const double MaxPlace = 1_000_000;

    public static IReadOnlyList<FlowNote> Read(IReadOnlyList<JsonElement> elements, ProblemList problems)
    {
        if (elements.Count > MaxNotes)
        {
            problems.Error("$.notes", $"The canvas has more than {MaxNotes} notes.");
            return [];
        }
        var notes = new List<FlowNote>(elements.Count);
        foreach (var (i, element) in elements.Index())
        {
            if (Fields.Of(element, FieldPath.Of("$.notes", i), "a note", problems) is not { } fields)
                continue;
            notes.Add(new FlowNote(
                Text(fields, "text") ?? "",
                fields.Number("x", 0, -MaxPlace, MaxPlace), fields.Number("y", 0, -MaxPlace, MaxPlace),
                fields.Choice("color", ("yellow", NoteColor.Yellow), ("blue", NoteColor.Blue), ("green", NoteColor.Green), ("red", NoteColor.Red))));
            fields.Finish();
        }
        return notes;
    }

    /// <summary>Also the note of a step.</summary>
    public static string? Text(Fields fields, string field)
    {
        var text = fields.Text(field);
        if (text?.Length > MaxText)
            fields.Problems.Error(fields.PathOf(field), $"'{field}' has more than {MaxText} characters.");
        return text;
    }
}
